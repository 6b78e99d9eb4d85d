"""How many shares a weight is, and which constraint made it so: the ADR's examples, edges, and what always holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.sizing.inputs import Bound
from include.trading.sizing.shares import SizingLimits, Target, targets_of
from tests.support.planning import prices, signals

WEIGHTS = st.decimals("-1", "1", places=17).filter(bool)
PRICES = st.decimals("0.01", "5000", places=4)
MONEY = st.decimals("1", "10000000", places=2)


def size(
    weight: str | Decimal, price: str | Decimal, capital: str | Decimal, cap: str | Decimal, bound: Bound = "none"
) -> Target:
    limits = SizingLimits(max_position_size=Decimal(cap))
    found = targets_of(signals(AAPL=weight), prices(AAPL=price), Decimal(capital), limits, {"AAPL": bound})  # type: ignore[arg-type]
    return found["AAPL"]


@pytest.mark.parametrize(
    ("weight", "price", "cap", "shares"),
    [
        ("0.333", "150", "33300", 222),
        ("-0.333", "150", "33300", -222),
        ("0.333", "150", "33299.99", 221),
        ("0.5", "150", "15000", 100),
        ("0.0015", "150", "33300", 1),
    ],
)
def test_sizes_as_the_adr_does(weight: str, price: str, cap: str, shares: int) -> None:
    target = size(weight, price, "100000", cap)
    assert (target.quantity, target.reason) == (shares, None)


@pytest.mark.parametrize("weight", ["0.00149999", "-0.00149999"])
def test_less_than_one_share_is_a_target_of_none_with_its_reason(weight: str) -> None:
    assert size(weight, "150", "100000", "33300") == Target("AAPL", 0, reason="under_one_share", bound="lot")


def test_a_weight_of_zero_is_a_target_of_none_even_without_a_price() -> None:
    targets = targets_of(signals(AAPL="0"), {}, Decimal(100_000), SizingLimits(max_position_size=Decimal(1)), {})

    assert targets == {"AAPL": Target(symbol="AAPL", quantity=0)}


def test_a_weight_without_a_price_has_no_target() -> None:
    targets = targets_of(signals(AAPL="0.5"), {}, Decimal(100_000), SizingLimits(max_position_size=Decimal(1)), {})

    assert targets == {}


def test_a_quotient_just_below_a_whole_number_is_not_rounded_up_to_it() -> None:
    # With /, 28 digits make this exactly 200000.
    assert size("0.5999999999999999999999999999", "3", "1000000", "1000000").quantity == 199_999


@given(weight=WEIGHTS, price=PRICES, capital=MONEY, cap=MONEY)
def test_no_target_is_worth_more_than_its_share_of_capital_or_the_cap_and_one_share_more_would_be(
    weight: Decimal, price: Decimal, capital: Decimal, cap: Decimal
) -> None:
    target = size(weight, price, capital, cap)

    allowed = min(capital * abs(weight), cap)
    assert abs(target.quantity) * price <= allowed < (abs(target.quantity) + 1) * price


@given(weight=WEIGHTS, price=PRICES, capital=MONEY, cap=MONEY)
def test_a_short_is_the_mirror_of_a_long(weight: Decimal, price: Decimal, capital: Decimal, cap: Decimal) -> None:
    assert size(weight, price, capital, cap).quantity == -size(-weight, price, capital, cap).quantity


@pytest.mark.parametrize(
    ("weight", "price", "cap", "before", "bound"),
    [
        ("0.3", "150", "33300", "none", "none"),
        ("0.3", "150", "29999", "none", "cap"),
        ("0.3", "150", "29999", "gross", "cap"),
        ("0.3", "150", "33300", "gross", "gross"),
        ("0.3", "150", "33300", "volatility_target", "volatility_target"),
        ("0.3", "7001", "33300", "none", "lot"),
        ("0.3", "7001", "33300", "gross", "gross"),
        ("0.3", "40000", "33300", "gross", "lot"),
        ("0.3", "20000", "15000", "none", "lot"),
        ("-0.3", "150", "29999", "none", "cap"),
        ("0", "150", "29999", "none", "none"),
    ],
)
def test_a_target_names_the_constraint_that_made_it_what_it_is(
    weight: str, price: str, cap: str, before: Bound, bound: Bound
) -> None:
    assert size(weight, price, "100000", cap, before).bound == bound


def test_a_weight_against_its_signal_is_a_target_of_none_with_its_reason() -> None:
    assert size("0", "150", "100000", "33300", "side_conflict") == Target(
        "AAPL", 0, reason="side_conflict", bound="side_conflict"
    )


@pytest.mark.parametrize(
    ("weight", "most", "shares", "bound"),
    [
        ("0.5", "100", 100, "liquidity"),
        ("-0.5", "100", -100, "liquidity"),
        ("0.5", "500", 500, "none"),
        ("0.5", "0", 0, "liquidity"),
        # What is held may have a part of a share.
        ("0.5", "10.5", Decimal("10.5"), "liquidity"),
        # The cap is the smaller one, or the same.
        ("0.5", "450", 400, "cap"),
        ("0.5", "400", 400, "cap"),
    ],
)
def test_no_more_is_held_than_what_is_traded_of_it_allows(
    weight: str, most: str, shares: Decimal, bound: Bound
) -> None:
    cap = "40000" if bound == "cap" else "100000"
    limits = SizingLimits(max_position_size=Decimal(cap), most_shares={"AAPL": Decimal(most)})

    found = targets_of(signals(AAPL=weight), prices(AAPL="100"), Decimal(100_000), limits, {})["AAPL"]

    assert (found.quantity, found.bound) == (shares, bound)
    assert found.reason == (None if shares else "too_little_volume")
