"""From a table to rows: a symbol, a weight or a score, and what else is said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from include.trading.signals.cells import (
    SYMBOL_FORM,
    confidence_of,
    day_of,
    rank_of,
    return_of,
    score_of,
    symbol_of,
    weight_of,
)
from include.trading.signals.table import MOST_ROWS, Table
from include.trading.text import one_line

SYMBOLS: Final = ("symbol", "ticker", "instrument")
WEIGHTS: Final = ("weight", "target_weight")
SCORE: Final = "score"
DATES: Final = ("date", "as_of", "as_of_date")


class Row(NamedTuple):
    """One symbol's. weight, score: one of them is None in all rows of an answer."""

    symbol: str
    weight: Decimal | None
    score: Decimal | None
    day: date | None
    rank: int | None = None
    confidence: Decimal | None = None
    predicted_return: Decimal | None = None


class Rows(NamedTuple):
    """wide: one line a day and a column a symbol; then there are the rows of each day in it.

    bare: nothing says whether the numbers are weights or scores.
    """

    rows: tuple[Row, ...]
    wide: bool = False
    bare: bool = False


def read_rows(table: Table) -> Rows:
    """Return the rows of a table, each number and date checked; raises ValueError naming what is wrong.

    Long, with a header: symbol | ticker | instrument, and weight | target_weight | score; perhaps date | as_of, rank,
    confidence, predicted_return. Without a header: a symbol and a number. Wide: a date first, then a column a symbol.
    """
    if table.header is None:
        return Rows(tuple(_bare(place, row, table.day) for place, row in enumerate(table.rows, start=1)), bare=True)
    names = [name.strip().lower() for name in table.header]
    if twice := sorted(name for name, times in Counter(names).items() if times > 1 and name in _KNOWN):
        raise ValueError(f"expected each column once, found {', '.join(twice)} twice")
    if _is_wide(names, table.header):
        return Rows(_wide(table), wide=True)
    if len(table.rows) > MOST_ROWS:
        raise ValueError(f"expected at most {MOST_ROWS} rows, found {len(table.rows)}")
    columns = _Columns.of(names, table.header)
    if not table.rows:
        raise ValueError("expected rows, found only the names of columns")
    return Rows(tuple(columns.row(place, row, table.day) for place, row in enumerate(table.rows, start=1)))


_KNOWN: Final = frozenset({*SYMBOLS, *WEIGHTS, SCORE, *DATES, "rank", "confidence", "predicted_return"})


class _Columns(NamedTuple):
    symbol: int
    number: int
    is_score: bool
    day: int | None
    rank: int | None
    confidence: int | None
    predicted_return: int | None

    @classmethod
    def of(cls, names: Sequence[str], header: Sequence[str]) -> _Columns:
        found = f"found the columns {one_line(', '.join(header))[:300]}"
        symbol = _one(names, SYMBOLS)
        number = _one(names, WEIGHTS)
        is_score = number is None and SCORE in names
        if is_score:
            number = names.index(SCORE)
        if symbol is None or number is None:
            raise ValueError(
                f"expected a column {' | '.join(SYMBOLS)} and one {' | '.join((*WEIGHTS, SCORE))}, or a date first and "
                f"then a column for each symbol; {found}"
            )
        optional = [names.index(name) if name in names else None for name in ("rank", "confidence", "predicted_return")]
        return cls(symbol, number, is_score, _one(names, DATES), *optional)

    def row(self, place: int, cells: Sequence[Any], beside: Any) -> Row:
        symbol = symbol_of(place, cells[self.symbol])
        number = (score_of if self.is_score else weight_of)(symbol, cells[self.number])
        confidence = _optional(self.confidence, cells)
        expected = _optional(self.predicted_return, cells)
        rank = _optional(self.rank, cells)
        if self.day is not None and beside is not None and day_of(symbol, beside) != day_of(symbol, cells[self.day]):
            raise ValueError(
                f"expected one day for {symbol}, found {beside} beside the rows and {cells[self.day]} in it"
            )
        day = cells[self.day] if self.day is not None else beside
        return Row(
            symbol=symbol,
            weight=None if self.is_score else number,
            score=number if self.is_score else None,
            day=None if day is None else day_of(symbol, day),
            rank=None if rank is None else rank_of(symbol, rank),
            confidence=None if confidence is None else confidence_of(symbol, confidence),
            predicted_return=None if expected is None else return_of(symbol, expected),
        )


def _is_wide(names: Sequence[str], header: Sequence[str]) -> bool:
    others = header[1:]
    # A database may give the names of its columns in capitals: they are no symbols then.
    is_long = any(name in SYMBOLS for name in names)
    return names[0] in DATES and bool(others) and not is_long and all(SYMBOL_FORM.fullmatch(name) for name in others)


def _wide(table: Table) -> tuple[Row, ...]:
    symbols = (table.header or ())[1:]
    if not table.rows:
        raise ValueError("expected rows, found only the names of columns")
    if len(table.rows) * len(symbols) > 10 * MOST_ROWS:
        raise ValueError(f"expected at most {10 * MOST_ROWS} weights, found {len(table.rows)} days of {len(symbols)}")
    rows = []
    for cells in table.rows:
        day = day_of("the row", cells[0])
        for symbol, cell in zip(symbols, cells[1:], strict=True):
            rows.append(Row(symbol, weight_of(symbol, cell), None, day))
    return tuple(rows)


def _bare(place: int, cells: Sequence[Any], beside: Any) -> Row:
    if len(cells) != 2:
        raise ValueError(f"expected a symbol and a number in row {place}, found {len(cells)} columns")
    symbol = symbol_of(place, cells[0])
    return Row(symbol, weight_of(symbol, cells[1]), None, None if beside is None else day_of(symbol, beside))


def _one(names: Sequence[str], wanted: Sequence[str]) -> int | None:
    found = [name for name in wanted if name in names]
    if len(found) > 1:
        raise ValueError(f"expected one of the columns {' | '.join(wanted)}, found {' and '.join(found)}")
    return names.index(found[0]) if found else None


def _optional(place: int | None, cells: Sequence[Any]) -> Any:
    # An empty cell says nothing, as an absent column does; a weight is never optional.
    if place is None or cells[place] is None or cells[place] == "":
        return None
    return cells[place]
