"""What a book's day is made from: everything of the ledger that came after the newest closed day."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import Session
from include.trading.results.entries import ZERO, Entry
from include.trading.results.reading import costs_of, entries_of, flows_of, repriced, start_of
from include.trading.results.row import BookKey, DayRow, ReadUpTo
from include.trading.strategy.spec import Strategy


def what_happened(
    ledger: Ledger, key: BookKey, session: Session, strategy: Strategy, *, before: datetime | None, row: DayRow | None
) -> tuple[ReadUpTo, list[Entry]]:
    """Return what a book's day is made from, and how far that was read. before: None for all there is."""
    since = ReadUpTo() if row is None else row.read_up_to
    newest = ledger.results.read_up_to(key, before)
    until = ReadUpTo(*(max(pair) for pair in zip(since, newest, strict=True)))
    moved = ledger.results.movements(key, since, until)
    counted = ledger.results.counted(sorted({each["intent_id"] for each in moved if each["intent_id"] is not None}))
    entries = flows_of(ledger.results.flows(key, since, until))
    if until.activity_id > since.activity_id:
        entries += costs_of(ledger.results.costs(key, since, until))
    if row is None:
        entries.insert(0, start_of(_start(ledger, key, strategy)))
    else:
        moving = {each["intent_id"] for each in moved if each["kind"] == "fill"}
        late = [each for each in ledger.results.repriced(key, row.id) if each["id"] not in moving]
        entries += repriced(late, session.day)
    return until, [*entries, *entries_of(moved, counted, session.day)]


def _start(ledger: Ledger, key: BookKey, strategy: Strategy) -> Decimal:
    """Return what a book begins with: what its first plan was made with."""
    if strategy.own_book is not None:
        return strategy.own_book.start
    return ledger.results.first_capital(key) or strategy.capital_or_none or ZERO
