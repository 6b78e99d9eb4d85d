"""The second source: what the gateway holds against what our fills and the adopted baseline say."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from include.execution.desk import Desk
from include.execution.tracking import refresh_orders


def differences(
    desk: Desk, account: str, symbols: Iterable[str], run_id: UUID | None
) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the symbols whose difference stays, with (what the gateway says, what the ledger expects).

    A second snapshot is taken, after a wait, only when the first differs. Symbols not named are foreign: not looked at.
    Raises when the gateway's answer fails or is incomplete: that is never an empty book.
    """
    wanted = frozenset(symbols)
    found = _compare(desk, account, wanted, run_id)
    if found:
        desk.sleep(desk.settings.position_recheck_seconds)
        # What filled since we last looked is in the gateway's snapshot and not in our book.
        refresh_orders(desk, desk.ledger.orders.live(account))
        return _compare(desk, account, frozenset(found), run_id)
    return found


def _compare(
    desk: Desk, account: str, symbols: frozenset[str], run_id: UUID | None
) -> dict[str, tuple[Decimal, Decimal]]:
    actual = desk.gateway.positions()
    desk.ledger.books.store_positions(account, actual, run_id)
    baseline, fills = desk.ledger.books.baseline(account), desk.ledger.orders.account_fills(account)
    zero = Decimal(0)
    pairs = {
        symbol: (actual.get(symbol, zero), baseline.get(symbol, zero) + fills.get(symbol, zero)) for symbol in symbols
    }
    return {symbol: pair for symbol, pair in sorted(pairs.items()) if pair[0] != pair[1]}


def shares(quantity: Decimal) -> str:
    """Return a quantity as people write it: the ledger's 817.000000 is 817."""
    return f"{quantity.normalize():f}"
