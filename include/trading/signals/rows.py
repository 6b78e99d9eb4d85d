"""From a table to rows: a symbol, a weight or a score, and what else is said of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any, Final, NamedTuple

from include.trading.bounds import LARGEST_INTEGER, PREDICTED_RETURN, TARGET_WEIGHT
from include.trading.signals.table import MOST_ROWS, Table
from include.trading.text import one_line

SYMBOLS: Final = ("symbol", "ticker", "instrument")
WEIGHTS: Final = ("weight", "target_weight")
SCORE: Final = "score"
DATES: Final = ("date", "as_of", "as_of_date")
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9.\-]{0,14}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MIDNIGHT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?)?")
_LONGEST: Final = 60
# A score is compared and not kept.
_LARGEST_SCORE: Final = Decimal(10) ** 30


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
    if twice := sorted({name for name in names if names.count(name) > 1 and name in _KNOWN}):
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
        symbol = _symbol(place, cells[self.symbol])
        number = (_score if self.is_score else _weight)(symbol, cells[self.number])
        confidence = _optional(self.confidence, cells)
        expected = _optional(self.predicted_return, cells)
        rank = _optional(self.rank, cells)
        if self.day is not None and beside is not None and _day(symbol, beside) != _day(symbol, cells[self.day]):
            raise ValueError(
                f"expected one day for {symbol}, found {beside} beside the rows and {cells[self.day]} in it"
            )
        day = cells[self.day] if self.day is not None else beside
        return Row(
            symbol=symbol,
            weight=None if self.is_score else number,
            score=number if self.is_score else None,
            day=None if day is None else _day(symbol, day),
            rank=None if rank is None else _rank(symbol, rank),
            confidence=None if confidence is None else _confidence(symbol, confidence),
            predicted_return=None if expected is None else _return(symbol, expected),
        )


def _is_wide(names: Sequence[str], header: Sequence[str]) -> bool:
    others = header[1:]
    # A database may give the names of its columns in capitals: they are no symbols then.
    is_long = any(name in SYMBOLS for name in names)
    return names[0] in DATES and bool(others) and not is_long and all(_SYMBOL.fullmatch(name) for name in others)


def _wide(table: Table) -> tuple[Row, ...]:
    symbols = (table.header or ())[1:]
    if not table.rows:
        raise ValueError("expected rows, found only the names of columns")
    if len(table.rows) * len(symbols) > 10 * MOST_ROWS:
        raise ValueError(f"expected at most {10 * MOST_ROWS} weights, found {len(table.rows)} days of {len(symbols)}")
    rows = []
    for cells in table.rows:
        day = _day("the row", cells[0])
        for symbol, cell in zip(symbols, cells[1:], strict=True):
            rows.append(Row(symbol, _weight(symbol, cell), None, day))
    return tuple(rows)


def _bare(place: int, cells: Sequence[Any], beside: Any) -> Row:
    if len(cells) != 2:
        raise ValueError(f"expected a symbol and a number in row {place}, found {len(cells)} columns")
    symbol = _symbol(place, cells[0])
    return Row(symbol, _weight(symbol, cells[1]), None, None if beside is None else _day(symbol, beside))


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


def _symbol(place: int, cell: Any) -> str:
    if not isinstance(cell, str) or not _SYMBOL.fullmatch(cell.strip()):
        raise ValueError(
            "expected symbols of 1 to 15 capital letters, digits, dots and hyphens, a letter first; "
            f"found {_shown(cell)} in row {place}"
        )
    return cell.strip()


def number_of(cell: Any) -> Decimal | None:
    """Return a cell as a finite number, None when it is none. A float counts by its shortest text."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, str):
        return Decimal(cell.strip()) if _NUMBER.fullmatch(cell.strip()) else None
    if isinstance(cell, Decimal | int):
        number = Decimal(cell)
    elif isinstance(cell, Real):
        number = Decimal(repr(float(cell)))
    else:
        return None
    return number if number.is_finite() else None


def _finite(symbol: str, cell: Any, what: str) -> Decimal:
    number = number_of(cell)
    if number is None:
        raise ValueError(f"expected a finite number as the {what} of {symbol}, found {_shown(cell)}")
    return number


def _weight(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "weight")
    if not TARGET_WEIGHT.holds(number):
        raise ValueError(f"expected a share of 1 as the weight of {symbol}, found {_shown(cell)}")
    return TARGET_WEIGHT.rounded(number) if number else Decimal(0)


def _score(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "score")
    if abs(number) >= _LARGEST_SCORE:
        raise ValueError(f"expected a score below {_LARGEST_SCORE:e} for {symbol}, found {_shown(cell)}")
    return number


def _confidence(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "confidence")
    if not 0 <= number <= 1:
        raise ValueError(f"expected a confidence from 0 to 1 for {symbol}, found {_shown(cell)}")
    return PREDICTED_RETURN.rounded(number) if number else Decimal(0)


def _return(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "predicted_return")
    if not PREDICTED_RETURN.holds(number):
        raise ValueError(f"expected a predicted_return as a fraction for {symbol}, found {_shown(cell)}")
    return PREDICTED_RETURN.rounded(number) if number else Decimal(0)


def _rank(symbol: str, cell: Any) -> int:
    number = _finite(symbol, cell, "rank")
    if number != number.to_integral_value() or not 1 <= number <= LARGEST_INTEGER:
        raise ValueError(f"expected a whole rank from 1 for {symbol}, found {_shown(cell)}")
    return int(number)


def _day(symbol: str, cell: Any) -> date:
    if isinstance(cell, datetime):
        if cell.time() == time():
            return cell.date()
    elif isinstance(cell, date):
        return cell
    elif isinstance(cell, str) and (found := _MIDNIGHT.fullmatch(cell.strip())):
        try:
            return date.fromisoformat(found[1])
        except ValueError:
            pass
    raise ValueError(f"expected a date as YYYY-MM-DD for {symbol}, found {_shown(cell)}")


def _shown(cell: Any) -> str:
    text = one_line(str(cell) if isinstance(cell, Decimal | float | int) else repr(cell))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
