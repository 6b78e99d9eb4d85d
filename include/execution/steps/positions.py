"""The second source: what the gateway holds against what our fills and the adopted baseline say."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from include.execution.desk import Desk
from include.execution.faultpoints import reach
from include.execution.orders.resolve import LOOKED_UP_AGAIN_FOR, look_again_at
from include.execution.steps.track_fills import refresh_orders
from include.trading.account.comparison import Differences, Quantities, unequal

# How often what the gateway says is asked for again because our own book moved meanwhile.
BOOK_TRIES = 3


def look_at_positions(
    desk: Desk, account: str, symbols: Iterable[str], run_id: UUID | None
) -> tuple[Quantities, Differences]:
    """Ask what the gateway holds; return that, and the symbols whose difference from our books stays.

    A second look is taken, after a wait, only when the first differs. Symbols not named are foreign: not compared.
    Raises when the gateway's answer fails or is incomplete: that is never an empty book.
    """
    wanted = frozenset(symbols)
    actual, found = _compare(desk, account, wanted, run_id)
    if found:
        desk.sleep(desk.settings.position_recheck_seconds)
        # What filled since we last looked, also of an order that ended, is at the gateway and not in our book.
        refresh_orders(desk, desk.ledger.orders.live(account), doubted=found)
        ended = desk.ledger.orders.ended(account, desk.ledger.now() - LOOKED_UP_AGAIN_FOR)
        look_again_at(desk, [intent for intent in ended if intent.symbol in found], doubted=True)
        actual, found = _compare(desk, account, wanted, run_id)
    return actual, found


def differences(desk: Desk, account: str, symbols: Iterable[str], run_id: UUID | None) -> Differences:
    """Return only the differences that `look_at_positions` finds."""
    return look_at_positions(desk, account, symbols, run_id)[1]


def _compare(desk: Desk, account: str, symbols: frozenset[str], run_id: UUID | None) -> tuple[Quantities, Differences]:
    """Compare once, again at most BOOK_TRIES times where a difference may be what was booked while we asked."""
    ledger = desk.ledger
    for _ in range(BOOK_TRIES):
        version = ledger.movements.version(account)
        reach("before_positions")
        actual = desk.confirmed.positions()
        ledger.books.store_positions(account, actual, run_id)
        reach("after_positions")
        expected, moved = ledger.movements.expected(account, since=version)
        found = unequal(actual, expected, symbols)
        if not moved & found.keys():
            break
    return actual, found
