"""What shares are worth on the day of a split."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from include.trading.plan.plan import PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.plan.valuation import in_new_shares
from tests.support.planning import ALL_OFF, inputs, prices, quantities, row, signals, strategy


def test_a_close_before_a_split_is_told_in_new_shares_and_says_so() -> None:
    closes = prices(AAPL="200.5", KO="60", XOM="1", TSLA="0.000001") | {"MSFT": "missing"}
    splits = dict.fromkeys(("AAPL", "TSLA"), Fraction(10)) | {"KO": Fraction(1, 3), "MSFT": Fraction(2)}

    found = in_new_shares(closes, splits | {"JPM": Fraction(2)})

    # A tenth of a millionth of a dollar is no price.
    assert {symbol: close.price for symbol, close in found.items()} == {"AAPL": Decimal("20.05"), "KO": Decimal(180)}
    assert {close.source for close in found.values()} == {"test, adjusted for a split"}


@pytest.mark.parametrize(("today", "denied"), [("20", False), ("30", True), ("200", True)])
def test_a_price_is_held_against_the_close_in_new_shares(today: str, denied: bool) -> None:
    assert (row(make_plan(on_the_ex_date(today)), "AAPL").reason == "price_distance") is denied


def test_a_holding_that_is_not_booked_yet_is_worth_its_old_shares_old_price() -> None:
    plan = make_plan(on_the_ex_date("missing", signals=signals(KO="0.5"), held=quantities(AAPL=500)))

    # 500 old shares at 200 USD are all that may be held.
    assert row(plan, "KO").reason == "long_exposure"


def on_the_ex_date(today: str, **changes: Any) -> PlanInputs:
    """Return inputs in which AAPL, of 200 USD a share, is split in ten."""
    closes = prices(AAPL="200", KO="50")
    quoted = prices(KO="50") | (prices(AAPL=today) if today != "missing" else {"AAPL": "missing"})
    limits = ALL_OFF | {"price_distance": "0.2", "long_exposure": "1"}
    values: dict[str, Any] = {
        "strategy": strategy(limits=limits, symbols=["AAPL", "KO"], absent_signal="keep"),
        "signals": signals(AAPL="0.5"),
        "prices": quoted,
        "previous_closes": closes,
        "closes_in_new_shares": in_new_shares(closes, {"AAPL": Fraction(10)}),
    }
    return inputs(**values | changes)
