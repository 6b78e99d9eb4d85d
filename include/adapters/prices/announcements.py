"""Corporate actions from Alpaca's market data API: every kind is read, in one form.

Source: https://docs.alpaca.markets/reference/corporateactions-1
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final

from include.adapters.http.answers import LONGEST_NAME, decimal_of, text_of
from include.trading.account.actions import Announcement

PATH: Final = "/v1/corporate-actions"
PAGE: Final = 1000
# No split has more shares for one, and a day's book holds what they make of a holding.
MOST_NEW_SHARES: Final = Decimal(1_000_000)
# USD a share: more than any share costs.
MOST_DIVIDEND: Final = Decimal(10_000_000)
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

    A row of an unknown kind, or with terms that cannot be read or stored, yields an announcement that cannot be booked:
    it has only a symbol and a day.
    """
    for name, rows in lists.items():
        kind, key = KINDS.get(name, (name.removesuffix("s"), "symbol"))
        if not isinstance(rows, list):
            raise ValueError(f"{name}: expected a list, got {type(rows).__name__}")
        for row in rows:
            if not isinstance(row, dict):
                raise ValueError(f"{name}: expected objects, got {type(row).__name__}")
            symbol = text_of({key: row.get(key) or row.get("symbol")}, key)
            try:
                yield _announcement(kind, symbol, row)
            except ValueError as error:
                yield Announcement.unreadable(_id(row), kind, symbol, _ex_date(row), row, reason=str(error))


def _announcement(kind: str, symbol: str, row: Mapping[str, Any]) -> Announcement:
    return Announcement(
        vendor_id=_id(row),
        kind=kind,
        symbol=symbol,
        new_symbol=_new_symbol(row),
        ratio=_ratio(kind, row),
        cash=_number(row, "rate", MOST_DIVIDEND) if kind == "cash_dividend" else None,
        ex_date=_ex_date(row),
        payable_date=None if row.get("payable_date") is None else _day(row["payable_date"]),
        raw=dict(row),
    )


def _id(row: Mapping[str, Any]) -> str:
    """Return the vendor's id; of a row that has none, one that is the same each time the row comes."""
    value = row.get("id")
    if isinstance(value, str | int) and 0 < len(str(value)) <= LONGEST_NAME:
        return str(value)
    return sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _new_symbol(row: Mapping[str, Any]) -> str | None:
    name = "new_symbol" if row.get("new_symbol") else "acquirer_symbol"
    return text_of(row, name) if row.get(name) else None


def _ratio(kind: str, row: Mapping[str, Any]) -> Decimal | None:
    if kind in ("forward_split", "reverse_split"):
        ratio = _number(row, "new_rate") / _number(row, "old_rate")
    elif kind == "stock_dividend":
        ratio = 1 + _number(row, "rate")
    else:
        return None
    if not 1 / MOST_NEW_SHARES <= ratio <= MOST_NEW_SHARES:
        raise ValueError(f"expected at most {MOST_NEW_SHARES:f} shares for one, got {ratio:.6g} new for an old one")
    return ratio


def _number(row: Mapping[str, Any], name: str, most: Decimal | None = None) -> Decimal:
    number = decimal_of(row, name)
    if isinstance(row[name], str) or number <= 0:
        raise ValueError(f"{name}: expected a number above 0, got {row[name]!r}")
    if most is not None and number > most:
        raise ValueError(f"{name}: expected at most {most:f}, got {number:.6g}")
    return number


def _ex_date(row: Mapping[str, Any]) -> date:
    return _day(row.get("ex_date") or row.get("effective_date") or row.get("process_date"))


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise ValueError(f"expected a day, got {str(value)[:40]!r}") from error
