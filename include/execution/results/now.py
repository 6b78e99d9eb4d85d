"""A strategy's own book at this moment: its newest closed day, what happened since, and today's prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.execution.desk import Desk
from include.execution.results.happened import what_happened
from include.trading.calendar.sessions import Session
from include.trading.models import Mode, Price
from include.trading.results.day import BookState, Day, close_day
from include.trading.results.row import BookKey, DayRow
from include.trading.strategy.spec import Strategy


@dataclass(frozen=True)
class BookNow:
    """The book as if the day were closed now. row: the newest closed day, None before the first."""

    key: BookKey
    session: Session
    day: Day
    row: DayRow | None


def book_now(
    desk: Desk, account: str, strategy: Strategy, mode: Mode | None, session: Session, prices: Mapping[str, Price | str]
) -> BookNow | None:
    """Return the book of the mode that it is of; None for a mode in which nothing is held."""
    if mode not in ("paper", "live"):
        return None
    key = BookKey(account, strategy.id, mode)
    ledger = desk.ledger
    row = ledger.results.last_day(key)
    _, entries = what_happened(ledger, key, session, strategy, before=None, row=row)
    known = {symbol: price.price for symbol, price in prices.items() if isinstance(price, Price)}
    day = close_day(BookState() if row is None else row.state, entries, known, strategy.results)
    return BookNow(key, session, day, row)
