"""One cell of a table as what it stands for: a symbol, a number within its bounds, a day. Raises ValueError."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from include.trading.bounds import LARGEST_INTEGER, PREDICTED_RETURN, TARGET_WEIGHT
from include.trading.text import one_line, repr_of

SYMBOL_FORM: Final = re.compile(r"[A-Z][A-Z0-9.\-]{0,14}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_MIDNIGHT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})([T ]00:00(:00(\.0+)?)?(Z|[+-]00:?00)?)?")
_LONGEST: Final = 60
# A score is compared and not kept.
_LARGEST_SCORE: Final = Decimal(10) ** 30


def symbol_of(place: int, cell: Any) -> str:
    if not isinstance(cell, str) or not SYMBOL_FORM.fullmatch(cell.strip()):
        raise ValueError(
            "expected symbols of 1 to 15 capital letters, digits, dots and hyphens, a letter first; "
            f"found {shown_cell(cell)} in row {place}"
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
        raise ValueError(f"expected a finite number as the {what} of {symbol}, found {shown_cell(cell)}")
    return number


def weight_of(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "weight")
    if not TARGET_WEIGHT.holds(number):
        raise ValueError(f"expected a share of 1 as the weight of {symbol}, found {shown_cell(cell)}")
    return TARGET_WEIGHT.rounded(number) if number else Decimal(0)


def score_of(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "score")
    if abs(number) >= _LARGEST_SCORE:
        raise ValueError(f"expected a score below {_LARGEST_SCORE:e} for {symbol}, found {shown_cell(cell)}")
    return number


def confidence_of(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "confidence")
    if not 0 <= number <= 1:
        raise ValueError(f"expected a confidence from 0 to 1 for {symbol}, found {shown_cell(cell)}")
    return PREDICTED_RETURN.rounded(number) if number else Decimal(0)


def return_of(symbol: str, cell: Any) -> Decimal:
    number = _finite(symbol, cell, "predicted_return")
    if not PREDICTED_RETURN.holds(number):
        raise ValueError(f"expected a predicted_return as a fraction for {symbol}, found {shown_cell(cell)}")
    return PREDICTED_RETURN.rounded(number) if number else Decimal(0)


def rank_of(symbol: str, cell: Any) -> int:
    number = _finite(symbol, cell, "rank")
    if number != number.to_integral_value() or not 1 <= number <= LARGEST_INTEGER:
        raise ValueError(f"expected a whole rank from 1 for {symbol}, found {shown_cell(cell)}")
    return int(number)


def day_of(symbol: str, cell: Any) -> date:
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
    raise ValueError(f"expected a date as YYYY-MM-DD for {symbol}, found {shown_cell(cell)}")


def shown_cell(cell: Any) -> str:
    text = one_line(str(cell) if isinstance(cell, Decimal | float | int) else repr_of(cell))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
