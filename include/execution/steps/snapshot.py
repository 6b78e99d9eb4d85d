"""One snapshot for one plan: first what comes by HTTP, then, under the account's lock, all that the ledger knows.

The version of the account's book is noted before anything is asked. Every writer of a fill, a correction or a baseline
takes the account's lock, so under it the book stands still, and what moved since that version is known by symbol.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from include.execution.alerts.raising import raise_of_run, raise_position_alert
from include.execution.desk import Desk
from include.execution.steps.open_run import sends, strategy_of
from include.execution.steps.positions import look_at_positions
from include.execution.steps.prices import PriceSet, prices_for
from include.trading.account.books import FROM_THE_START, Book, BookVersion
from include.trading.account.comparison import Differences, Quantities, unequal
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import BLOCKED_SYMBOL, HELD_BY_ANOTHER
from include.trading.errors import InvalidData, TradingError
from include.trading.models import AccountFacts, Mode
from include.trading.order.identity import SENDING_MODES
from include.trading.plan.assets import Assets
from include.trading.plan.capital import Money
from include.trading.ports import PriceSource
from include.trading.run.row import Run
from include.trading.strategy.venue_needs import unmet

# The book of a strategy that holds nothing, on an account that nothing stops.
FLAT = Book(
    account_state="active",
    held={},
    working={},
    unresolved=frozenset(),
    of_others={},
    traded=Decimal(0),
    expected={},
    moved=frozenset(),
)


class BookMoved(Exception):
    """Something was booked after what the plan needs was asked for: ask again."""


@dataclass(frozen=True)
class Outside:
    """What a plan takes from outside of the ledger, and how far the account's book was before it was asked.

    positions: None where they do not matter: in mode dry_run, and for a run that never sends.
    money: of the account, or why the venue did not answer; None where it tells none or does not matter.
    money_at: when it said so; what is acknowledged later is not in it for sure.
    assets: what it says of the symbols that the run may plan, likewise.
    """

    version: BookVersion
    positions: Quantities | None
    prices: PriceSet
    money: Money
    money_at: datetime
    assets: Assets


def ask_outside(desk: Desk, market: PriceSource, run: Run) -> Outside:
    """Ask the gateway for positions and the market for prices of all that the run may plan; no lock is held."""
    _check_needs(desk, run)
    version = desk.ledger.movements.version(run.account) if sends(run) else FROM_THE_START
    book, positions = read_book(desk, run), None
    if sends(run) and run.mode != "dry_run":
        positions, _ = look_at_positions(desk, run.account, symbols_of(run, book), run.run_id)
    prices = prices_for(desk, market, run, symbols_of(run, book))
    assets = _assets(desk, run, symbols_of(run, book))
    # Last: what it tells is as old as the plan then.
    asked_at = desk.ledger.now()
    money = _money(desk, run)
    age = timedelta(seconds=money.age_seconds if isinstance(money, AccountFacts) else 0)
    return Outside(version, positions, prices, money, asked_at - age, assets)


def _check_needs(desk: Desk, run: Run) -> None:
    """Raise InvalidData where the venue lacks what the strategy needs; a run that closes everything needs little."""
    if desk.reader is None or run.mode == "replay":
        return
    strategy = strategy_of(run)
    if run.parameters["flatten"]:
        strategy = strategy.model_copy(update={"capital": Decimal(1), "quantities": "whole"})
    for sentence, _ in unmet(strategy, desk.reader.traits, run.mode):
        raise InvalidData(sentence)


def _assets(desk: Desk, run: Run, symbols: set[str]) -> Assets:
    """Ask what may be traded where the plan sends orders, or is sized by it. A replay never asks."""
    if run.mode == "replay" or not (sends(run) or strategy_of(run).quantities == "fractional"):
        return None
    if desk.reader is None:
        return f"the connection {strategy_of(run).venue} does not exist"
    try:
        return desk.gateway.assets(sorted(symbols)) if desk.reader.traits.tells_assets else None
    except TradingError as error:
        return str(error)


def _money(desk: Desk, run: Run) -> Money:
    """Ask for the account's money where the plan is sized by it, or may send increases that it must suffice for."""
    strategy = strategy_of(run)
    if strategy.equity is None and (not sends(run) or run.mode == "dry_run"):
        return None
    if desk.reader is None:
        return f"the connection {strategy.venue} does not exist"
    if not desk.reader.traits.tells_account:
        return None
    try:
        return desk.confirmed.account()
    except TradingError as error:
        return str(error)


def symbols_of(run: Run, book: Book) -> set[str]:
    """Return the symbols that the run's plan decides on."""
    return {*strategy_of(run).symbols, *book.held, *book.working}


def read_book(desk: Desk, run: Run, since: BookVersion = FROM_THE_START) -> Book:
    """Return the book that the run's plan is made from; a replay starts from a flat one."""
    if run.mode == "replay":
        return FLAT
    mode = book_mode(run)
    if mode is None:
        account = desk.ledger.accounts.get(run.account)
        return FLAT if account is None else FLAT.on(account.state)
    return desk.ledger.movements.book(
        run.account, strategy_id=run.strategy_id, mode=mode, session=run.session_date, since=since
    )


def book_mode(run: Run) -> Mode | None:
    """Return the mode whose orders make the run's book: its own, or its strategy's for a run that only plans."""
    mode = run.mode if sends(run) else run.parameters.get("book_mode", strategy_of(run).mode)
    return mode if mode in SENDING_MODES else None


def blocks(desk: Desk, run: Run, outside: Outside, book: Book) -> dict[str, str]:
    """Return the symbols that may not be planned, with the reason, and raise or end their alerts."""
    symbols = symbols_of(run, book)
    moved = book.moved & symbols
    others = {symbol: owner for symbol, owner in book.of_others.items() if symbol in symbols}
    differing = {}
    if outside.positions is not None:
        differing = unequal(outside.positions, book.expected, symbols - moved)
        _tell(desk, run, differing, others)
    return {
        **dict.fromkeys(book.unresolved, "unresolved_order"),
        # Where the venue itself may count wrong, a difference only warns.
        **dict.fromkeys(differing if desk.gateway.traits.positions_are_exact else (), "unexplained_position"),
        **dict.fromkeys(moved, "book_moved"),
        **dict.fromkeys(others, "held_by_another_strategy"),
    }


def _tell(desk: Desk, run: Run, differing: Differences, others: dict[str, str]) -> None:
    raise_position_alert(desk.ledger, BLOCKED_SYMBOL, run, differing)
    key = HELD_BY_ANOTHER.key(f"{run.account}/{run.strategy_id}")
    if not others:
        desk.ledger.alerts.end(key)
        return
    owners = ", ".join(sorted(set(others.values())))
    alarm = HELD_BY_ANOTHER.alarm(
        key,
        f"strategy {run.strategy_id} does not trade {listed(sorted(others))}: on account {run.account} another "
        f"strategy holds or trades them ({owners})",
        account=run.account,
        strategy=run.strategy_id,
        owner=shlex.quote(min(others.values())),
    )
    raise_of_run(desk.ledger, run, alarm)
