"""What a plan's increases may cost: all are scaled by one factor, or the weakest are denied; never a reduction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from include.trading.models import AccountFacts
from include.trading.plan.exposure import cost_of
from include.trading.plan.plan import Plan, PlanInputs
from include.trading.plan.planning import make_plan
from tests.support.planning import inputs, prices, quantities, row, signals, strategy, traded
from tests.unit.trading.plan.test_planning_properties import cases, patient

# +500 AAPL and −500 TSLA at 100 USD: 52 500 and 51 500 USD of buying power.
LONG_SHORT = {"signals": signals(AAPL="0.5", TSLA="-0.5"), "prices": prices(AAPL=100, TSLA=100)}


def money(buying_power: str | Decimal | int) -> AccountFacts:
    return AccountFacts(equity=Decimal(1), cash=Decimal(1), buying_power=Decimal(buying_power))


def plan_with(when_short: str, told: AccountFacts | str | None, **changes: Any) -> Plan:
    return make_plan(
        inputs(**{**LONG_SHORT, "money": told, "strategy": strategy(when_short_of_money=when_short)} | changes)
    )


@pytest.mark.parametrize("when_short", ["scale", "deny"])
def test_buying_power_that_just_suffices_changes_nothing(when_short: str) -> None:
    plan = plan_with(when_short, money(104_000))

    assert traded(plan) == [("AAPL", 1, "buy", 500), ("TSLA", 1, "sell", 500)]
    assert not any("buying power" in note for note in plan.notes)
    assert "buying_power" not in plan.rules_off


def test_a_cent_too_little_scales_every_increase_by_one_factor_and_says_so_in_plan_and_rows() -> None:
    plan = plan_with("scale", money("103999.99"))

    assert traded(plan) == [("AAPL", 1, "buy", 499), ("TSLA", 1, "sell", 499)]
    assert "103999.99 USD of buying power are left" in plan.notes[0]
    for symbol in ("AAPL", "TSLA"):
        story = row(plan, symbol)
        assert (story.outcome, story.order_quantity) == ("order", 499)
        assert story.detail is not None
        assert "499 of 500 shares" in story.detail


def test_a_cent_too_little_denies_the_weakest_increase() -> None:
    plan = plan_with("deny", money("103999.99"))

    assert traded(plan) == [("AAPL", 1, "buy", 500)]
    assert (row(plan, "TSLA").outcome, row(plan, "TSLA").reason) == ("denied", "buying_power")


@pytest.mark.parametrize("power", ["0", "-5", "100"])
def test_too_little_for_one_share_is_denied_with_its_numbers(power: str) -> None:
    plan = plan_with(
        "scale",
        money(power),
        held=quantities(MSFT=3),
        signals=signals(AAPL="0.5", MSFT="0"),
        prices=prices(AAPL=100, MSFT=100),
    )

    assert traded(plan) == [("MSFT", 1, "sell", 3)]
    story = row(plan, "AAPL")
    assert (story.outcome, story.reason) == ("denied", "buying_power")
    assert story.detail is not None
    assert "0 of 500 shares" in story.detail


def test_of_a_flip_only_the_opening_leg_costs_and_is_scaled() -> None:
    plan = plan_with(
        "scale", money(25_750), signals=signals(TSLA="-0.5"), prices=prices(TSLA=100), held=quantities(TSLA=80)
    )

    assert traded(plan) == [("TSLA", 1, "sell", 80), ("TSLA", 2, "sell", 250)]


def test_a_denied_increase_takes_no_money_from_the_others() -> None:
    changes = {"when_short_of_money": "scale", "restricted_symbols": ["TSLA"]}

    plan = make_plan(inputs(**LONG_SHORT, money=money(52_500), strategy=strategy(**changes)))

    assert traded(plan) == [("AAPL", 1, "buy", 500)]
    assert row(plan, "TSLA").reason == "restricted_symbol"


@pytest.mark.parametrize("when_short", ["scale", "deny"])
def test_buying_power_that_is_not_known_denies_increases_and_lets_reductions_through(when_short: str) -> None:
    plan = plan_with(when_short, "Alpaca answered 500", held=quantities(AAPL=600))

    assert traded(plan) == [("AAPL", 1, "sell", 100)]
    story = row(plan, "TSLA")
    assert (story.outcome, story.reason) == ("denied", "buying_power")
    assert "Alpaca answered 500" in plan.notes[0]


@pytest.mark.parametrize("when_short", ["scale", "deny"])
def test_a_venue_that_tells_none_has_the_rule_off_and_the_plan_says_so(when_short: str) -> None:
    plan = plan_with(when_short, None)

    assert "buying_power" in plan.rules_off
    assert len(plan.orders) == 2


@given(case=cases(), power=st.decimals("-100", "200000", places=2), when_short=st.sampled_from(["scale", "deny"]))
@patient
def test_a_plan_never_costs_more_than_the_buying_power_and_no_reduction_changes(
    case: PlanInputs, power: Decimal, when_short: str
) -> None:
    poor = case.model_copy(
        update={
            "money": money(power),
            "strategy": case.strategy.model_copy(update={"when_short_of_money": when_short}),
        }
    )

    free, plan = make_plan(case), make_plan(poor)

    assert sum(map(cost_of, plan.orders), Decimal(0)) <= max(power, Decimal(0))
    assert [o for o in plan.orders if o.reduces] == [o for o in free.orders if o.reduces]


@given(case=cases(any_limits=False), power=st.decimals("0", "200000", places=2))
@patient
def test_scaling_keeps_the_proportions_of_the_increases_within_one_share(case: PlanInputs, power: Decimal) -> None:
    free, plan = make_plan(case), make_plan(case.model_copy(update={"money": money(power)}))
    cost = sum(map(cost_of, free.orders), Decimal(0))
    assume(cost > power)

    left = {order.key: order.quantity for order in plan.orders}
    for order in free.orders:
        if not order.reduces and order.leg == 1:
            exact = order.quantity * power / cost
            assert exact - 1 < left.get(order.key, 0) <= exact


@pytest.mark.parametrize(("promised", "orders"), [("0", 500), ("52000", 250), ("104000", 0), ("200000", 0)])
def test_what_other_plans_are_about_to_take_is_not_counted_on(promised: str, orders: int) -> None:
    plan = plan_with("scale", money(104_000), promised=Decimal(promised))

    assert [order.quantity for order in plan.orders] == ([orders] * 2 if orders else [])
    said = [note for note in plan.notes if note.startswith("other plans of the account are about to take")]
    assert len(said) == (promised != "0")


def test_a_buying_power_below_zero_is_not_raised_by_what_is_promised() -> None:
    plan = plan_with("deny", money(-5), promised=Decimal(100))

    assert plan.orders == ()
    assert "limit of -5 USD" in (row(plan, "AAPL").detail or "")
