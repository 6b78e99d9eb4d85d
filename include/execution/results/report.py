"""The report on what trading earned: one book after the other, from closed days alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from include.ledger.ledger import Ledger
from include.trading.errors import InvalidData
from include.trading.results.entries import ZERO
from include.trading.results.row import BookKey, DayRow
from include.trading.results.series import Series, series_of
from include.trading.results.summary import BookReport, Deviation, book_report


@dataclass(frozen=True)
class Report:
    books: list[BookReport]
    series: list[Series]


def report(
    ledger: Ledger, first: date | None, last: date | None, *, strategy_id: str | None = None, account: str | None = None
) -> Report:
    """Return the report on the closed days from first to last; raises InvalidData where there are none."""
    wanted = None if strategy_id is None else [strategy_id]
    found = series_of(ledger.results.points(strategy_ids=wanted, account=account, first=first, last=last))
    if not found:
        raise InvalidData(
            "report: expected closed days of these sessions, found none; python -m include.ops books closes what is due"
        )
    books = []
    for series in found:
        days = ledger.results.days(**series.key._asdict(), first=first, last=last)
        books.append(book_report(series, [day.symbols for day in days], _deviations(ledger, series.key, days[-1])))
    return Report(books, found)


def _deviations(ledger: Ledger, key: BookKey, day: DayRow) -> list[Deviation]:
    """Return what the session's newest plan wanted and the book does not hold, the largest first."""
    found = []
    for symbol, planned in ledger.results.planned(key, day.session_date).items():
        kept = day.symbols.get(symbol, {})
        held, price = Decimal(kept.get("quantity", 0)), kept.get("price")
        if held != planned:
            worth = None if price is None else round((held - planned) * Decimal(price), 2)
            found.append(Deviation(symbol, planned, held, worth))
    return sorted(found, key=lambda each: (-abs(each.worth or ZERO), each.symbol))
