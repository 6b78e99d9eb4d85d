"""A limit by volume: positions are built by so much a session, and nothing keeps them from being taken down."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.models import AssetFacts
from include.trading.plan.packed import packed, unpacked
from include.trading.plan.plan import PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.plan.sizing import shadows_of
from tests.support.planning import ALL_OFF, book_after, inputs, prices, quantities, row, signals, strategy, traded

# 1 % of 1 000 000 USD a day is 100 shares at 100 USD.
A_DAY = {"AAPL": Decimal(1_000_000)}


def limited(
    weight: str = "0.5", held: Any = 0, traded_usd: Any = A_DAY, share: Any = "0.01", **changes: Any
) -> PlanInputs:
    made = strategy(**{"limits": ALL_OFF | {"volume_share": share}, "no_trade_band": 0} | changes)
    return inputs(
        strategy=made,
        signals=signals(AAPL=weight),
        prices=prices(AAPL=100),
        held=quantities(AAPL=held) if held else {},
        traded_usd=traded_usd,
    )


def test_a_position_is_built_over_sessions() -> None:
    held, bounds = quantities(), []
    for _ in range(6):
        plan = make_plan(limited(held=held.get("AAPL", 0)))
        bounds.append(row(plan, "AAPL").bound)
        held = book_after(plan, held)

    assert held == quantities(AAPL=500)
    assert bounds == ["liquidity"] * 4 + ["none"] * 2


@pytest.mark.parametrize(("weight", "target"), [("0.5", "2.345"), ("-0.5", "-2")])
def test_only_longs_are_built_in_parts_of_a_share(weight: str, target: str) -> None:
    told = AssetFacts(symbol="AAPL", tradable=True, shortable=True, fractionable=True)
    given = {"assets": {"AAPL": told}, "least_fraction_usd": Decimal(1)}
    fractional = limited(weight, traded_usd={"AAPL": Decimal(23_450)}, quantities="fractional").model_copy(update=given)

    found = row(make_plan(fractional), "AAPL")

    assert (found.target_quantity, found.bound) == (Decimal(target), "liquidity")


def test_what_open_orders_may_still_buy_counts() -> None:
    working = limited(held=100).model_copy(update={"open_quantity": quantities(AAPL=40)})

    assert row(make_plan(working), "AAPL").target_quantity == 240


def test_a_reduction_is_not_limited() -> None:
    assert traded(make_plan(limited("0.1", held=500))) == [("AAPL", 1, "sell", 400)]
    assert traded(make_plan(limited("0.001", held=500))) == [("AAPL", 1, "sell", 499)]


def test_a_flip_closes_everything_and_opens_so_much() -> None:
    assert traded(make_plan(limited("-0.5", held=500))) == [("AAPL", 1, "sell", 500), ("AAPL", 2, "sell", 100)]


def test_where_the_whole_target_is_ordered_each_time_the_order_is_limited() -> None:
    assert traded(make_plan(limited(held=300, order_basis="target"))) == [("AAPL", 1, "buy", 100)]


def test_without_a_volume_nothing_is_increased_and_a_person_hears() -> None:
    for nothing in ({}, {"AAPL": Decimal(0)}, None):
        held = row(make_plan(limited(held=100, traded_usd=nothing)), "AAPL")
        flat = row(make_plan(limited(traded_usd=nothing)), "AAPL")

        assert (held.outcome, held.reason, flat.reason) == ("skipped", "no_history", "no_history_flat")
        assert held.detail is not None
        assert "no volume is known of it, 100 shares stay" in held.detail


def test_without_a_volume_what_is_held_is_reduced_as_ever() -> None:
    assert traded(make_plan(limited("0.1", held=500, traded_usd={}))) == [("AAPL", 1, "sell", 400)]
    assert traded(make_plan(limited("-0.5", held=500, traded_usd={}))) == [("AAPL", 1, "sell", 500)]


def test_a_part_of_a_share_that_a_split_left_is_not_sold_because_little_is_traded() -> None:
    for usd, bought in (("2000", []), ("50000", [("AAPL", 1, "buy", 5)])):
        plan = make_plan(limited(held="0.5", traded_usd={"AAPL": Decimal(usd)}))

        assert (traded(plan), row(plan, "AAPL").bound) == (bought, "liquidity")


@pytest.mark.parametrize("weight", ["0.1", "0.1005", "0.05"])
def test_without_a_volume_a_name_that_needs_no_more_has_its_size(weight: str) -> None:
    assert row(make_plan(limited(weight, held=100, traded_usd={})), "AAPL").reason is None


def test_a_name_at_its_cap_is_bound_by_that() -> None:
    plan = make_plan(limited(held=100, traded_usd={}, max_position_size=10_000))

    assert (row(plan, "AAPL").bound, row(plan, "AAPL").outcome) == ("cap", "unchanged")


def test_less_than_a_share_of_what_is_traded_says_so() -> None:
    found = row(make_plan(limited(traded_usd={"AAPL": Decimal(2000)})), "AAPL")

    assert (found.outcome, found.reason, found.bound) == ("skipped", "too_little_volume", "liquidity")


def test_off_is_the_default_and_looks_at_no_volume() -> None:
    assert row(make_plan(limited(share="off", traded_usd=None)), "AAPL").target_quantity == 500
    assert strategy(limits={}).limits.volume_share == "off"


def test_shadows_pass_no_limit() -> None:
    (shadow,) = shadows_of(limited(shadow=["equal_weight"]))

    assert [(target.quantity, target.bound) for target in shadow.targets] == [(1000, "none")]


def test_the_same_plan_is_made_again_from_what_is_kept() -> None:
    plan = limited(held=100)

    assert make_plan(unpacked(packed(plan))) == make_plan(plan)


@given(
    weight=st.decimals("-1", "1", places=4),
    held=st.decimals("-2000", "2000", places=1),
    usd=st.decimals("0", "100000000", places=0),
    share=st.decimals("0", "0.2", places=4),
)
def test_no_plan_adds_more_than_the_share_of_a_days_volume(
    weight: Decimal, held: Decimal, usd: Decimal, share: Decimal
) -> None:
    plan = make_plan(limited(str(weight), held, {"AAPL": usd}, share))

    after = book_after(plan, quantities(AAPL=held)).get("AAPL", Decimal(0))
    added = abs(after) - (abs(held) if after * held > 0 else 0)
    assert added * 100 <= share * usd
    # What is wanted on its side is never sold for a want of volume.
    if held * weight > 0 and abs(weight) * 1000 >= abs(held):
        assert added >= 0
