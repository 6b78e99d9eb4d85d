"""Parts of a share: bought where strategy, venue and symbol allow it, closed to the last one, never a short's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import AccountFacts, AssetFacts
from include.trading.plan.plan import Plan
from include.trading.plan.planning import make_plan
from include.trading.plan.steps import Steps, steps_to
from tests.support.planning import inputs, prices, quantities, row, signals, strategy, traded

FRACTIONAL = strategy(quantities="fractional", capital=10_000)
WHOLE = strategy(capital=10_000)


def told(symbol: str, **facts: bool) -> dict[str, AssetFacts]:
    return {symbol: AssetFacts(**{"symbol": symbol, "tradable": True, "shortable": True, "fractionable": True} | facts)}


def plan_of(settings: Any = FRACTIONAL, **changes: Any) -> Plan:
    """A plan at a venue that takes parts of a share worth 1 USD and more."""
    return make_plan(inputs(**{"strategy": settings, "least_fraction_usd": Decimal(1)} | changes))


def test_a_long_is_sized_to_nine_decimals_and_never_costs_more_than_it_may() -> None:
    plan = plan_of(signals=signals(AAPL="0.1"), prices=prices(AAPL=300))

    assert traded(plan) == [("AAPL", 1, "buy", Decimal("3.333333333"))]
    assert plan.orders[0].notional <= 1000


def test_a_short_is_whole_shares() -> None:
    plan = plan_of(signals=signals(AAPL="-0.1"), prices=prices(AAPL=300))

    assert traded(plan) == [("AAPL", 1, "sell", 3)]


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (WHOLE, {}),
        (FRACTIONAL, {"least_fraction_usd": None}),
        (FRACTIONAL, {"assets": told("AAPL", fractionable=False)}),
    ],
    ids=["the strategy", "the venue", "the symbol"],
)
def test_one_of_three_that_allows_no_parts_makes_it_whole_shares(settings: Any, changes: dict[str, Any]) -> None:
    plan = plan_of(settings, signals=signals(AAPL="0.1"), prices=prices(AAPL=300), **changes)

    assert traded(plan) == [("AAPL", 1, "buy", 3)]


def test_a_part_of_a_share_that_may_not_be_says_so_and_sends_nothing() -> None:
    plan = plan_of(signals=signals(AAPL="0.1"), prices=prices(AAPL=1001), assets=told("AAPL", fractionable=False))

    assert plan.orders == ()
    story = row(plan, "AAPL")
    assert (story.outcome, story.reason) == ("skipped", "under_one_whole_share")
    assert story.detail == "The amount buys less than one share, and the symbol is not traded in parts of one."


@pytest.mark.parametrize("settings", [WHOLE, FRACTIONAL])
@pytest.mark.parametrize("assets", [None, "the venue did not answer", told("AAPL")])
@pytest.mark.parametrize("flatten", [True, False])
def test_closing_sells_the_exact_part_of_a_share_whatever_the_strategy_buys(
    settings: Any, assets: Any, flatten: bool
) -> None:
    plan = plan_of(
        settings,
        signals=signals(AAPL="0", MSFT="0.1"),
        prices=prices(AAPL=300, MSFT=100),
        held=quantities(AAPL="3.333333333"),
        assets=assets if assets is None or isinstance(assets, str) else assets | told("MSFT"),
        flatten=flatten,
    )

    assert ("AAPL", 1, "sell", Decimal("3.333333333")) in traded(plan)


@pytest.mark.parametrize("changes", [{"least_fraction_usd": None}, {"assets": told("AAPL", fractionable=False)}])
def test_where_no_part_can_be_sold_the_whole_shares_are(changes: dict[str, Any]) -> None:
    plan = plan_of(flatten=True, prices=prices(AAPL=300), held=quantities(AAPL="3.5"), **changes)

    assert traded(plan) == [("AAPL", 1, "sell", 3)]


@pytest.mark.parametrize(("held", "sold"), [("0.01", True), ("0.009999999", False)])
def test_dust_below_the_venues_least_order_stays_and_says_so(held: str, sold: bool) -> None:
    plan = plan_of(flatten=True, prices=prices(AAPL=100), held=quantities(AAPL=held))

    assert [order.quantity for order in plan.orders] == ([Decimal(held)] if sold else [])
    if not sold:
        story = row(plan, "AAPL")
        assert (story.outcome, story.reason) == ("skipped", "dust_stays")
        assert "0.009999999 shares at 100 are less than 1 USD" in (story.detail or "")
        assert plan.planned_change_symbols == 0


def test_whole_shares_are_sold_however_little_they_are_worth() -> None:
    plan = plan_of(WHOLE, flatten=True, prices=prices(AAPL="0.5"), held=quantities(AAPL=1))

    assert traded(plan) == [("AAPL", 1, "sell", 1)]


def test_no_short_is_opened_over_dust() -> None:
    plan = plan_of(signals=signals(AAPL="-0.1"), prices=prices(AAPL=100), held=quantities(AAPL="0.001"))

    assert (traded(plan), row(plan, "AAPL").reason) == ([], "dust_stays")


def test_a_flip_closes_the_exact_part_and_opens_whole_shares() -> None:
    plan = plan_of(signals=signals(AAPL="-0.1"), prices=prices(AAPL=100), held=quantities(AAPL="2.5"))

    assert traded(plan) == [("AAPL", 1, "sell", Decimal("2.5")), ("AAPL", 2, "sell", 10)]


def test_buying_power_scales_parts_of_a_share_to_parts_and_the_shorts_to_whole_ones() -> None:
    plan = plan_of(
        signals=signals(AAPL="0.5", TSLA="-0.5"),
        prices=prices(AAPL=300, TSLA=300),
        money=AccountFacts(equity=Decimal(10_000), cash=Decimal(5000), buying_power=Decimal(5000)),
        assets=told("AAPL") | told("TSLA"),
    )

    (bought, sold) = plan.orders
    assert bought.quantity != bought.quantity // 1
    assert sold.quantity == sold.quantity // 1
    assert sum(order.notional for order in plan.orders) < 5000


@pytest.mark.parametrize(
    ("delta", "start", "splits", "in_parts", "steps"),
    [
        ("1.5", "0", True, True, ("0", "1.5")),
        ("1.5", "0", True, False, ("0", "1")),
        ("-1.5", "0", True, True, ("0", "1")),
        ("-0.5", "2.5", True, True, ("0.5", "0")),
        ("-1.5", "2.5", True, False, ("1", "0")),
        ("-2.5", "2.5", True, False, ("2.5", "0")),
        ("-2.5", "2.5", False, False, ("2", "0")),
        ("-5.5", "2.5", True, False, ("2.5", "3")),
        ("-5.5", "2.5", False, False, ("2", "3")),
        ("5.5", "-3", True, True, ("3", "2.5")),
        ("5.5", "-2.5", True, True, ("2", "3.5")),
        ("2", "-2.5", True, True, ("2", "0")),
        ("2.5", "-2.5", True, True, ("2", "0")),
        ("-3.5", "0.5", False, False, ("0", "3")),
        ("0.9", "0.5", True, False, ("0", "0")),
    ],
)
def test_what_can_be_traded_of_a_change(
    delta: str, start: str, splits: bool, in_parts: bool, steps: tuple[str, str]
) -> None:
    found = steps_to(Decimal(delta), Decimal(start), splits=splits, in_parts=in_parts)

    assert found == Steps(*map(Decimal, steps))
