"""Corporate actions are read from the vendor's lists, each kind by the fields that its description has."""

from __future__ import annotations

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
    "row",
    [
        {"symbol": "AAPL", "ex_date": DAY, "new_rate": 0, "old_rate": 1},
        {"symbol": "AAPL", "ex_date": DAY, "new_rate": "10", "old_rate": 1},
        {"symbol": "AAPL", "ex_date": "soon", "new_rate": 10, "old_rate": 1},
        {"symbol": None, "ex_date": DAY, "new_rate": 10, "old_rate": 1},
    ],
)
def test_a_row_that_cannot_be_read_is_an_error_and_never_left_out(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(announcements({"forward_splits": [BASE | row]}))
