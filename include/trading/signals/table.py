"""A table as a source gave it, before anything in it is believed; and how CSV and JSON become one."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from include.trading.depth import TOO_DEEP, is_too_deep

MOST_BYTES: Final = 200_000_000
MOST_ROWS: Final = 100_000
# Counted before anything is made of the text, which takes many times as much memory.
MOST_CELLS: Final = 2_000_000
DELIMITERS: Final = ",;\t|"
# A table of a day: what is around its rows may say which, as the Signal Service's answer does.
_LISTS: Final = ("signals", "weights", "scores", "rows")
_DAYS: Final = ("as_of_date", "as_of", "date")
_TOO_DEEP: Final = f"expected rows, found that {TOO_DEEP}"


@dataclass(frozen=True)
class Table:
    """header: None where the first row is data. day: what stands beside the rows and not in them."""

    header: tuple[str, ...] | None
    rows: Sequence[Sequence[Any]]
    day: Any = None


def decode(content: bytes) -> Table:
    """Return the table of a text, CSV or JSON; raises ValueError with what is wrong with it."""
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"expected text in UTF-8, or Parquet, found byte {error.start} that is neither") from None
    if not text:
        raise ValueError("expected rows, found an empty file")
    if text.count("\n") + text.count(",") > MOST_CELLS:
        raise ValueError(f"expected at most {MOST_CELLS:,} lines and values, found more")
    return from_json(text) if text[0] in "{[" else from_csv(text)


def from_csv(text: str) -> Table:
    """Return the rows of a CSV: with a header, or, of two columns, a symbol and a number a row without one."""
    first = text.splitlines()[0]
    delimiter = max(DELIMITERS, key=first.count)
    try:
        # A longer field, or a quote that is never closed, is no table of weights.
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if any(row)]
    except csv.Error as error:
        raise ValueError(f"expected CSV, found: {error}") from None
    rows = [[cell.strip() for cell in row] for row in rows]
    if uneven := next((place for place, row in enumerate(rows, start=1) if len(row) != len(rows[0])), None):
        raise ValueError(
            f"expected {len(rows[0])} columns in each row, found {len(rows[uneven - 1])} in row {uneven} of the CSV"
        )
    if len(rows[0]) == 2 and is_number(rows[0][1]):
        return Table(None, rows)
    return Table(tuple(rows[0]), rows[1:])


def from_json(text: str) -> Table:
    """Return the rows of a JSON text: a list of objects, an object of symbols, or either beside a day."""
    try:
        found = json.loads(text, parse_float=Decimal, parse_int=Decimal, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (json.JSONDecodeError, ArithmeticError) as error:
        raise ValueError(f"expected JSON, found: {error}") from None
    if is_too_deep(found):
        raise ValueError(_TOO_DEEP)
    return from_value(found)


def from_value(found: Any) -> Table:
    """Return the rows of a list of objects, or of a mapping of symbols; a day may stand beside them."""
    if isinstance(found, dict) and (key := next((key for key in _LISTS if _is_rows(found.get(key))), None)):
        around = {**found, **(found["metadata"] if isinstance(found.get("metadata"), dict) else {})}
        value = found[key]
        if key == "scores" and isinstance(value, dict):
            value = [{"symbol": symbol, "score": score} for symbol, score in value.items()]
        inner = from_value(value)
        return Table(inner.header, inner.rows, next((around[name] for name in _DAYS if name in around), None))
    if isinstance(found, dict):
        if not found:
            raise ValueError("expected rows, found an empty object")
        return Table(None, [[str(symbol), value] for symbol, value in found.items()])
    if isinstance(found, list) and found and all(isinstance(row, dict) and row for row in found):
        header = tuple(map(str, found[0]))
        if odd := next((row for row in found if tuple(row) != header and set(row) != set(header)), None):
            raise ValueError(f"expected the keys {', '.join(header)} in each row, found {', '.join(map(str, odd))}")
        return Table(header, [[row[name] for name in header] for row in found])
    if isinstance(found, list) and not found:
        raise ValueError("expected rows, found an empty list")
    raise ValueError("expected a list of objects or an object of symbols and weights, found something else")


def is_number(cell: Any) -> bool:
    """Say whether a text would be a number, a wrong one included: NaN stands where a number was meant."""
    try:
        Decimal(str(cell))
    except ArithmeticError:
        return False
    return True


def _is_rows(value: Any) -> bool:
    return isinstance(value, list | dict)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"expected each name once, found {twice} twice")
    return found
