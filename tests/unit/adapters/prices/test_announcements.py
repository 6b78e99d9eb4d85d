"""Corporate actions are read from the vendor's lists, each kind by the fields that its description has."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from include.adapters.prices.announcements import KINDS, announcements
from tests.support.alpaca_schema import spec

DAY = "2026-06-01"
BASE: dict[str, Any] = {"id": "a", "process_date": DAY}


def read(name: str, **fields: Any) -> Any:
    (found,) = announcements({name: [BASE | fields]})
    return found


def test_every_kind_of_the_description_is_known_or_blocks() -> None:
    lists = spec("market-data-api")["components"]["schemas"]["corporate_actions"]["properties"]

    assert set(KINDS) <= set(lists)
    for name in lists:
        of = KINDS.get(name, ("", "symbol"))[1]
        body = {of: "AAPL", "ex_date": DAY, "rate": Decimal("0.5"), "new_rate": 10, "old_rate": 1}
        assert read(name, **body).symbol == "AAPL"


def test_rates_become_new_shares_for_an_old_one() -> None:
    assert read("forward_splits", symbol="AAPL", ex_date=DAY, new_rate=3, old_rate=2).ratio == Decimal("1.5")
    assert read("reverse_splits", symbol="AAPL", ex_date=DAY, new_rate=1, old_rate=Decimal(8)).ratio == Decimal("0.125")
    assert read("stock_dividends", symbol="AAPL", ex_date=DAY, rate=Decimal("0.05")).ratio == Decimal("1.05")
    assert read("cash_dividends", symbol="AAPL", ex_date=DAY, rate=Decimal("0.24")).cash == Decimal("0.24")


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("forward_splits", {"new_rate": 0, "old_rate": 1}, "new_rate: expected a number above 0, got 0"),
        ("forward_splits", {"new_rate": "10", "old_rate": 1}, "new_rate: expected a number above 0, got '10'"),
        ("forward_splits", {"new_rate": Decimal("NaN"), "old_rate": 1}, "new_rate: expected a finite number"),
        ("reverse_splits", {"new_rate": Decimal("1E-12"), "old_rate": 1000}, "expected at most 1000000 shares for one"),
        ("forward_splits", {"new_rate": 10**17, "old_rate": 1}, "expected at most 1000000 shares for one"),
        ("stock_dividends", {"rate": Decimal("1E+18")}, "expected at most 1000000 shares for one"),
        ("cash_dividends", {"rate": Decimal("1E12")}, "rate: expected at most 10000000, got 1e+12"),
        ("cash_dividends", {"rate": 1, "payable_date": "soon"}, "expected a day, got 'soon'"),
        ("name_changes", {"old_symbol": "AAPL", "new_symbol": ["APPL"]}, "new_symbol: expected a text"),
    ],
)
def test_a_row_whose_terms_cannot_be_read_or_kept_is_one_that_nobody_can_book(
    name: str, row: dict[str, Any], reason: str
) -> None:
    found = read(name, symbol="AAPL", ex_date=DAY, **row)

    assert (found.symbol, str(found.ex_date)) == ("AAPL", DAY)
    assert (found.new_symbol, found.ratio, found.factor, found.cash) == (None, None, None, None)
    assert found.kind == f"unreadable_{name.removesuffix('s')}"
    assert found.words.startswith(f"unreadable {name.removesuffix('s').replace('_', ' ')} of AAPL, ex {DAY} (")
    assert reason in found.words


@pytest.mark.parametrize(
    "row",
    [
        {"symbol": "AAPL", "ex_date": "soon", "new_rate": 10, "old_rate": 1},
        {"symbol": None, "ex_date": DAY, "new_rate": 10, "old_rate": 1},
        {"symbol": "A" * 3000, "ex_date": DAY, "new_rate": 10, "old_rate": 1},
    ],
)
def test_a_row_of_no_symbol_or_no_day_is_an_error_and_never_left_out(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(announcements({"forward_splits": [BASE | row]}))


def test_what_came_is_kept_in_plain_json_however_deep_a_fraction_is() -> None:
    terms = {"rates": [Decimal("0.5"), {"then": Decimal("1E+2")}], "open": True}

    found = read("partial_calls", symbol="AAPL", ex_date=DAY, terms=terms)

    assert json.loads(json.dumps(found.raw))["terms"] == {"rates": ["0.5", {"then": "1E+2"}], "open": True}


@pytest.mark.parametrize("id", [None, "", "a" * 3000, ["a"]])
def test_a_row_without_an_id_has_one_that_stays_the_same(id: object) -> None:
    one, again, other = (read("spin_offs", id=id, source_symbol="AAPL", ex_date=DAY, cusip=c) for c in "112")

    assert one.vendor_id == again.vendor_id != other.vendor_id
    assert 0 < len(one.vendor_id) <= 200
