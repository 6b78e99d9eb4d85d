"""What shares are worth on the day of a split."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from include.trading.plan.planning import make_plan
from include.trading.plan.valuation import in_new_shares
from tests.support.planning import ALL_OFF, inputs, prices, row, signals, strategy


def test_a_close_before_a_split_is_told_in_new_shares_and_says_so() -> None:
    closes = prices(AAPL="200.5", KO="60", XOM="1") | {"MSFT": "missing"}

    splits = {"AAPL": Fraction(10), "KO": Fraction(1, 3), "MSFT": Fraction(2), "JPM": Fraction(2)}

    found = in_new_shares(closes, splits)

    assert {symbol: getattr(close, "price", close) for symbol, close in found.items()} == {
        "AAPL": Decimal("20.05"),
        "KO": Decimal(180),
        "XOM": 1,
        "MSFT": "missing",
    }
    assert {symbol: getattr(close, "source", "") for symbol, close in found.items()} == {
        "AAPL": "test, before a split",
        "KO": "test, before a split",
        "XOM": "test",
        "MSFT": "",
    }


def test_a_close_of_which_nothing_is_left_is_as_it_was_said() -> None:
    closes = prices(AAPL="0.000001")

    assert in_new_shares(closes, {"AAPL": Fraction(10)}) == closes


def test_a_price_that_is_far_from_the_close_is_still_far_after_a_split() -> None:
    for today, denied in (("20", False), ("30", True), ("200", True)):
        plan = make_plan(
            inputs(
                strategy=strategy(limits=ALL_OFF | {"price_distance": "0.2"}),
                signals=signals(AAPL="0.5"),
                prices=prices(AAPL=today),
                previous_closes=in_new_shares(prices(AAPL="200"), {"AAPL": Fraction(10)}),
            )
        )

        assert (row(plan, "AAPL").reason == "price_distance") is denied
