"""Corporate actions are read from the vendor's lists, each kind by the fields that its description has."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from include.adapters.prices.announcements import KINDS, announcements
from include.trading.account.actions import Known, judge
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
    "row",
    [
        {"symbol": "AAPL", "ex_date": "soon", "new_rate": 10, "old_rate": 1},
        {"symbol": None, "ex_date": DAY, "new_rate": 10, "old_rate": 1},
    ],
)
def test_a_row_without_a_symbol_or_a_day_is_an_error_and_never_left_out(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(announcements({"forward_splits": [BASE | row]}))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("forward_splits", {"new_rate": 0, "old_rate": 1}),
        ("forward_splits", {"new_rate": "10", "old_rate": 1}),
        ("forward_splits", {"new_rate": 10}),
        ("reverse_splits", {"new_rate": Decimal("1E-12"), "old_rate": 1000}),
        ("reverse_splits", {"new_rate": Decimal("1E+300"), "old_rate": Decimal("1E-300")}),
        ("stock_dividends", {"rate": -1}),
        ("cash_dividends", {"rate": Decimal("1E+12")}),
        ("cash_dividends", {"rate": True}),
    ],
)
def test_a_number_that_cannot_be_blocks_its_symbol_and_hides_no_other(name: str, fields: dict[str, Any]) -> None:
    other = BASE | {"id": "b", "symbol": "KO", "ex_date": DAY, "rate": Decimal("0.5"), "new_rate": 2, "old_rate": 1}

    odd, good = announcements({name: [BASE | {"symbol": "AAPL", "ex_date": DAY} | fields, other]})

    assert (odd.symbol, odd.ratio, odd.cash, odd.is_split, odd.factor) == ("AAPL", None, None, False, None)
    assert odd.kind == f"{KINDS[name][0]} that cannot be read"
    known = Known(
        held=Decimal(5), others=[], before=Decimal(5), expected={"AAPL": Decimal(5)}, positions={"AAPL": Decimal(5)}
    )
    assert judge(odd, known).state == "blocked"
    assert good.symbol == "KO" and good.kind == KINDS[name][0]


def test_numbers_are_kept_as_they_came_however_deep_they_are() -> None:
    found = read("partial_calls", symbol="KO", ex_date=DAY, terms={"rate": Decimal("0.5"), "parts": [Decimal("1.50")]})

    assert found.raw["terms"] == {"rate": "0.5", "parts": ["1.50"]}
    json.dumps(found.raw)
