"""Corporate actions from Alpaca's market data API: every kind is read, in one form.

Source: https://docs.alpaca.markets/reference/corporateactions-1
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from include.trading.account.actions import Announcement

PATH: Final = "/v1/corporate-actions"
PAGE: Final = 1000
LEAST, MOST = Decimal("0.000001"), Decimal(1_000_000)
# After the kind of an announcement whose numbers are none.
UNREADABLE: Final = "that cannot be read"
# By the list's name in an answer: the kind, and whose symbol it is about.
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "forward_splits": ("forward_split", "symbol"),
    "reverse_splits": ("reverse_split", "symbol"),
    "unit_splits": ("unit_split", "old_symbol"),
    "stock_dividends": ("stock_dividend", "symbol"),
    "cash_dividends": ("cash_dividend", "symbol"),
    "spin_offs": ("spin_off", "source_symbol"),
    "cash_mergers": ("cash_merger", "acquiree_symbol"),
    "stock_mergers": ("stock_merger", "acquiree_symbol"),
    "stock_and_cash_mergers": ("stock_and_cash_merger", "acquiree_symbol"),
    "redemptions": ("redemption", "symbol"),
    "name_changes": ("name_change", "old_symbol"),
    "worthless_removals": ("worthless_removal", "symbol"),
    "rights_distributions": ("rights_distribution", "source_symbol"),
}


def announcements(lists: Mapping[str, Any]) -> Iterator[Announcement]:
    """Yield what an answer's lists announce; raises ValueError for a row that names no symbol or no day.

    What is of a kind that is not known, or has a number that cannot be, is one that nobody can book: it blocks its
    symbol, and no other.
    """
    for name, rows in lists.items():
        kind, key = KINDS.get(name, (name.removesuffix("s"), "symbol"))
        if not isinstance(rows, list):
            raise ValueError(f"{name}: expected a list, got {type(rows).__name__}")
        for row in rows:
            if not isinstance(row, dict):
                raise ValueError(f"{name}: expected objects, got {type(row).__name__}")
            yield _announcement(kind, row.get(key) or row.get("symbol"), row)


def _announcement(kind: str, symbol: Any, row: Mapping[str, Any]) -> Announcement:
    new_symbol = row.get("new_symbol") or row.get("acquirer_symbol")
    day = row.get("ex_date") or row.get("effective_date") or row.get("process_date")
    try:
        ratio, cash = _ratio(kind, row), _number(row, "rate") if kind == "cash_dividend" else None
    except (ValueError, ArithmeticError):
        kind, ratio, cash = f"{kind} {UNREADABLE}", None, None
    try:
        return Announcement(
            vendor_id=str(row.get("id")),
            kind=kind,
            symbol=symbol,
            new_symbol=new_symbol,
            ratio=ratio,
            cash=cash,
            ex_date=_day(day),
            payable_date=None if row.get("payable_date") is None else _day(row["payable_date"]),
            raw={name: _plain(value) for name, value in row.items()},
        )
    except ValidationError as error:
        raise ValueError(f"{kind}: {error.errors()[0]['msg']}, got {row!r}") from error


def _ratio(kind: str, row: Mapping[str, Any]) -> Decimal | None:
    if kind in ("forward_split", "reverse_split"):
        return _bounded("ratio", _number(row, "new_rate") / _number(row, "old_rate"))
    if kind == "stock_dividend":
        return 1 + _number(row, "rate")
    return None


def _number(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        raise ValueError(f"{name}: expected a number above 0, got {value!r}")
    return _bounded(name, Decimal(value))


def _bounded(name: str, number: Decimal) -> Decimal:
    """Return a number that the ledger can keep, and that a split or a dividend can have."""
    if not LEAST <= number <= MOST:
        raise ValueError(f"{name}: expected {LEAST:f} to {MOST:f}, got {number:f}")
    return number


def _plain(value: Any) -> Any:
    """Return a value of JSON with its numbers that are no whole ones as text, however deep they are."""
    match value:
        case Decimal():
            return str(value)
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case _:
            return value


def _day(value: Any) -> date:
    return date.fromisoformat(str(value)[:10])
