"""Every rule on both sides of its edge, switched off, and where it cannot be evaluated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import AssetFacts
from include.trading.plan.exposure import Totals
from include.trading.plan.plan import Plan, RuleCheck
from include.trading.plan.planning import make_plan
from include.trading.plan.risk import ASSET_RULES, RULES, Situation, judges
from tests.support.planning import ALL_OFF, NOW, inputs, prices, quantities, row, signals, strategy, traded

# Targets of +500 AAPL and −500 TSLA at 100 USD: 50 000 USD each, on capital of 100 000 USD.
LONG_SHORT = {"signals": signals(AAPL="0.5", TSLA="-0.5"), "prices": prices(AAPL=100, TSLA=100)}


def plan_with(limits: dict[str, Any], **changes: Any) -> Plan:
    return make_plan(inputs(**{**LONG_SHORT, "strategy": strategy(limits=ALL_OFF | limits)} | changes))


def check(plan: Plan, symbol: str, code: str, leg: int = 1) -> RuleCheck:
    (found,) = (check for check in row(plan, symbol, leg).rules if check.code == code)
    return found


@pytest.mark.parametrize(
    ("limit", "at", "below", "code", "denied"),
    [
        ("order_notional_usd", 50_000, "49999.99", "order_notional", ["AAPL", "TSLA"]),
        ("order_shares", 500, 499, "order_shares", ["AAPL", "TSLA"]),
        ("gross_exposure", 1, "0.9999", "gross_exposure", ["TSLA"]),
        ("long_exposure", "0.5", "0.4999", "long_exposure", ["AAPL"]),
        ("short_exposure", "0.5", "0.4999", "short_exposure", ["TSLA"]),
        ("number_of_orders", 2, 1, "number_of_orders", ["TSLA"]),
        ("turnover_per_run", 1, "0.9999", "turnover_per_run", ["TSLA"]),
        ("turnover_per_day", 1, "0.9999", "turnover_per_day", ["TSLA"]),
    ],
)
def test_a_limit_passes_at_its_edge_and_denies_just_beyond_it(
    limit: str, at: Any, below: Any, code: str, denied: list[str]
) -> None:
    at_the_edge, beyond = plan_with({limit: at}), plan_with({limit: below})

    assert [order.symbol for order in at_the_edge.orders] == ["AAPL", "TSLA"]
    assert check(at_the_edge, "AAPL", code).outcome == "passed"
    assert [order.symbol for order in beyond.orders] == [s for s in ("AAPL", "TSLA") if s not in denied]
    for symbol in denied:
        story = row(beyond, symbol)
        assert (story.outcome, story.reason) == ("denied", code)
        assert story.detail is not None
        assert story.detail.startswith(code)
        assert (story.order_side, story.order_quantity) == ("buy" if symbol == "AAPL" else "sell", 500)


def test_a_denial_carries_its_numbers() -> None:
    denial = check(plan_with({"order_notional_usd": 49_999}), "AAPL", "order_notional")

    assert denial == RuleCheck(
        code="order_notional",
        outcome="denied",
        value=Decimal(50_000),
        limit=Decimal(49_999),
        detail="order_notional: 50000 USD is above the limit of 49999 USD",
    )


def test_net_exposure_judges_the_whole_plan_and_not_the_way_to_it() -> None:
    assert [order.symbol for order in plan_with({"net_exposure": 0}).orders] == ["AAPL", "TSLA"]


@pytest.mark.parametrize(("limit", "bought"), [("0.5", True), ("0.4999", False)])
@pytest.mark.parametrize(("weight", "sign"), [("0.5", 1), ("-0.5", -1)])
def test_net_exposure_denies_the_heavier_side_beyond_its_edge(limit: str, bought: bool, weight: str, sign: int) -> None:
    plan = plan_with({"net_exposure": limit}, signals=signals(AAPL=weight))

    assert [order.signed_quantity for order in plan.orders] == ([sign * 500] if bought else [])
    assert row(plan, "AAPL").reason == (None if bought else "net_exposure")


def test_net_exposure_drops_the_weakest_of_the_heavier_side_first() -> None:
    plan = plan_with(
        {"net_exposure": "0.1"},
        signals=signals(AAPL="0.5", AMZN="0.3", GOOGL="0.2", TSLA="-0.5"),
        prices=prices(AAPL=100, AMZN=100, GOOGL=100, TSLA=100),
    )

    assert {order.symbol for order in plan.orders} == {"AAPL", "TSLA"}
    assert row(plan, "GOOGL").reason == row(plan, "AMZN").reason == "net_exposure"


def test_turnover_of_the_day_counts_what_was_traded_before() -> None:
    plan = plan_with({"turnover_per_day": "1.2"}, traded_today=Decimal(50_000))

    assert [order.symbol for order in plan.orders] == ["AAPL"]
    assert check(plan, "TSLA", "turnover_per_day").value == Decimal(150_000)


@pytest.mark.parametrize("close", ["80", "120"])
def test_a_price_may_be_as_far_from_the_previous_close_as_the_limit_and_no_farther(close: str) -> None:
    closes = prices(AAPL=close, TSLA=100)

    assert row(plan_with({"price_distance": "0.25"}, previous_closes=closes), "AAPL").outcome == "order"
    assert row(plan_with({"price_distance": "0.1666"}, previous_closes=closes), "AAPL").reason == "price_distance"


@pytest.mark.parametrize("closes", [{}, {"AAPL": "missing"}])
def test_a_price_without_a_previous_close_to_compare_with_is_denied(closes: dict[str, Any]) -> None:
    plan = plan_with({"price_distance": "0.2"}, previous_closes=closes)

    assert plan.orders == ()
    assert check(plan, "AAPL", "price_distance").outcome == "not_evaluable"
    assert row(plan, "AAPL").detail == "price_distance: the previous close is missing"


def test_exposure_that_cannot_be_valued_denies_increases_and_lets_reductions_pass() -> None:
    plan = plan_with(
        {"gross_exposure": 5},
        held=quantities(AAPL=600, MSFT=10),
        signals=signals(AAPL="0.5", MSFT="0.1", TSLA="-0.5"),
    )

    assert traded(plan) == [("AAPL", 1, "sell", 100)]
    assert check(plan, "TSLA", "gross_exposure").outcome == "not_evaluable"
    assert "MSFT" in (row(plan, "TSLA").detail or "")


def test_a_holding_without_a_price_today_is_valued_at_its_previous_close() -> None:
    plan = plan_with(
        {"gross_exposure": "1.1"},
        held=quantities(MSFT=100),
        previous_closes=prices(MSFT=100),
        prices=LONG_SHORT["prices"] | {"MSFT": "stale"},
    )

    assert [order.symbol for order in plan.orders] == ["AAPL", "TSLA"]
    assert check(plan, "TSLA", "gross_exposure").value == Decimal(110_000)


def test_a_holding_without_any_price_today_counts_at_the_last_known_and_denies_only_its_own_increase() -> None:
    plan = plan_with(
        {"gross_exposure": "1.1", "long_exposure": "0.65", "net_exposure": "1", "short_exposure": "0.5"},
        held=quantities(MSFT=100),
        last_prices=prices(MSFT=100),
        prices=LONG_SHORT["prices"] | {"MSFT": "missing"},
        previous_closes=LONG_SHORT["prices"] | {"MSFT": "missing"},
        signals=signals(AAPL="0.5", MSFT="0.5", TSLA="-0.5"),
    )

    assert [order.symbol for order in plan.orders] == ["AAPL", "TSLA"]
    assert row(plan, "MSFT").reason == "price_missing"
    assert check(plan, "TSLA", "gross_exposure").value == Decimal(110_000)
    (old,) = plan.old_values
    assert (old.symbol, old.quantity, old.problem, old.price) == (
        "MSFT",
        100,
        "price_missing",
        prices(MSFT=100)["MSFT"],
    )


# What stands in the way of an increase, each so tight that nothing would pass.
TIGHT = dict.fromkeys(ALL_OFF, 0) | {"least_notional_usd": 10**9}


@pytest.mark.parametrize("capital", [100_000, "0.01"])
@pytest.mark.parametrize("close", [{"AAPL": "missing"}, prices(AAPL=143), prices(AAPL=1)])
@pytest.mark.parametrize("flatten", [True, False])
def test_no_limit_stands_in_the_way_out(capital: Any, close: dict[str, Any], flatten: bool) -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(limits=TIGHT, capital=capital, max_position_size=capital),
            signals=() if flatten else signals(AAPL="0", MSFT="-1"),
            prices=prices(AAPL=100, TSLA=100),
            previous_closes=close,
            held=quantities(AAPL=30_000, TSLA=-12),
            open_quantity=quantities(TSLA=0),
            traded_today=Decimal(10**9),
            flatten=flatten,
        )
    )

    assert ("AAPL", 1, "sell", 30_000) in traded(plan)
    assert (("TSLA", 1, "buy", 12) in traded(plan)) is flatten
    assert check(plan, "AAPL", "price_distance").outcome == "warned"
    assert (row(plan, "AAPL").outcome, row(plan, "AAPL").reason) == ("order", None)
    assert (row(plan, "AAPL").detail or "").startswith("price_distance: ")


def test_the_leg_that_closes_passes_the_limits_and_the_one_that_opens_does_not() -> None:
    plan = plan_with(TIGHT, signals=signals(TSLA="-0.5"), held=quantities(TSLA=800), previous_closes=prices(TSLA=1))

    assert traded(plan) == [("TSLA", 1, "sell", 800)]
    assert row(plan, "TSLA", leg=2).reason == "price_distance"


def test_a_restricted_symbol_is_not_even_sold() -> None:
    plan = make_plan(inputs(**LONG_SHORT, strategy=strategy(restricted_symbols=["AAPL"]), held=quantities(AAPL=900)))

    assert row(plan, "AAPL").reason == "restricted_symbol"
    assert [order.symbol for order in plan.orders] == ["TSLA"]


def test_a_symbol_that_is_not_shortable_may_be_sold_down_to_nothing_but_not_below() -> None:
    careful = strategy(not_shortable_symbols=["TSLA"])

    plan = make_plan(inputs(**LONG_SHORT, strategy=careful, held=quantities(TSLA=100)))

    assert traded(plan) == [("TSLA", 1, "sell", 100), ("AAPL", 1, "buy", 500)]
    assert row(plan, "TSLA", leg=2).reason == "not_shortable"


def test_a_sale_that_leaves_a_short_if_an_open_buy_never_fills_counts_as_one() -> None:
    careful = strategy(not_shortable_symbols=["AAPL"])
    closing = {"signals": signals(AAPL="0", TSLA="-0.5"), "prices": LONG_SHORT["prices"]}

    plan = make_plan(inputs(**closing, strategy=careful, open_quantity=quantities(AAPL=100)))

    assert row(plan, "AAPL").reason == "not_shortable"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("active", [("AAPL", 1, "sell", 100), ("TSLA", 1, "sell", 500)]),
        ("reduce_only", [("AAPL", 1, "sell", 100)]),
        ("halted", []),
    ],
)
def test_an_account_takes_what_its_state_allows(state: str, expected: list[tuple[str, int, str, int]]) -> None:
    plan = make_plan(inputs(**LONG_SHORT, held=quantities(AAPL=600), account_state=state))

    assert traded(plan) == expected
    assert all(story.reason == "account_state" for story in plan.rows if story.outcome == "denied")


def test_reductions_pass_exposure_limits_that_the_book_already_exceeds() -> None:
    plan = plan_with(
        {"gross_exposure": "0.1", "long_exposure": "0.1", "net_exposure": "0.1"}, held=quantities(AAPL=900)
    )

    assert traded(plan) == [("AAPL", 1, "sell", 400)]


def test_an_increase_of_one_side_passes_when_only_the_other_side_is_too_large() -> None:
    plan = plan_with({"long_exposure": "0.1"}, held=quantities(AAPL=500))

    assert traded(plan) == [("TSLA", 1, "sell", 500)]


@pytest.mark.parametrize(("limit", "legs"), [("0.5", 2), ("0.4999", 1)])
@pytest.mark.parametrize("name", ["gross_exposure", "short_exposure", "net_exposure"])
def test_the_second_leg_of_a_flip_is_judged_from_where_the_first_leaves_the_book(
    name: str, limit: str, legs: int
) -> None:
    plan = plan_with({name: limit}, signals=signals(TSLA="-0.5"), held=quantities(TSLA=800))

    assert traded(plan) == [("TSLA", 1, "sell", 800), ("TSLA", 2, "sell", 500)][:legs]
    assert check(plan, "TSLA", name, leg=2).value == Decimal(50_000)


def test_reductions_use_up_turnover_before_increases_do() -> None:
    plan = plan_with({"turnover_per_run": "0.55"}, held=quantities(TSLA=-1000))

    assert traded(plan) == [("TSLA", 1, "buy", 500)]
    assert row(plan, "AAPL").reason == "turnover_per_run"


def test_a_rule_that_is_off_says_so_in_every_row_and_in_the_plan() -> None:
    plan = plan_with({"gross_exposure": 2})

    assert check(plan, "AAPL", "order_notional").outcome == "off"
    assert set(plan.rules_off) == {
        "price_distance",
        "order_notional",
        "order_shares",
        "long_exposure",
        "short_exposure",
        "net_exposure",
        "number_of_orders",
        "turnover_per_run",
        "turnover_per_day",
        "buying_power",
        "least_notional",
        *ASSET_RULES,
    }


def test_an_order_that_may_be_sent_has_passed_every_rule() -> None:
    plan = plan_with({})

    assert [check.code for check in row(plan, "AAPL").rules] == [rule.code for rule in RULES]


def facts(symbol: str, **said: bool) -> AssetFacts:
    return AssetFacts(**{"symbol": symbol, "tradable": True, "shortable": True, "fractionable": True} | said)


NOTHING = Totals(Decimal(0), Decimal(0), Decimal(0), 0, Decimal(0))
SITUATION = Situation(
    account_state="active",
    reductions_only=None,
    no_increase=None,
    money=None,
    assets=None,
    price=None,
    previous_close=None,
    before=NOTHING,
    after=NOTHING,
    unvalued=(),
    traded_today=Decimal(0),
    now=NOW,
)
BOTH = {"AAPL": facts("AAPL"), "TSLA": facts("TSLA")}


def test_an_order_is_worth_at_least_the_least_and_a_cent_less_is_denied() -> None:
    assert len(plan_with({"least_notional_usd": 50_000}).orders) == 2
    plan = plan_with({"least_notional_usd": "50000.01"})

    assert (plan.orders, row(plan, "AAPL").reason) == ((), "least_notional")
    assert row(plan, "AAPL").detail == "least_notional: 50000 USD is below the limit of 50000.01 USD"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"TSLA": facts("TSLA", tradable=False)}, "not_tradable", "the venue does not trade TSLA now"),
        ({"TSLA": None}, "not_tradable", "the venue knows no symbol TSLA"),
        ({"TSLA": facts("TSLA", shortable=False)}, "hard_to_borrow", "TSLA now, or it is hard to borrow"),
    ],
)
def test_what_the_venue_says_of_a_symbol_denies_its_increase_and_no_other(
    said: dict[str, Any], code: str, words: str
) -> None:
    plan = plan_with({}, assets=BOTH | said)

    assert traded(plan) == [("AAPL", 1, "buy", 500)]
    assert row(plan, "TSLA").reason == code
    assert words in (row(plan, "TSLA").detail or "")
    assert len(plan_with({}, assets=BOTH).orders) == 2


def test_a_symbol_that_is_hard_to_borrow_is_bought_and_sold_again() -> None:
    said = {"AAPL": facts("AAPL", shortable=False), "TSLA": facts("TSLA", shortable=False)}

    plan = plan_with({}, assets=said, held=quantities(TSLA=800))

    assert traded(plan) == [("TSLA", 1, "sell", 800), ("AAPL", 1, "buy", 500)]
    assert row(plan, "TSLA", leg=2).reason == "hard_to_borrow"


@pytest.mark.parametrize("assets", ["Alpaca answered 503", {"AAPL": None, "TSLA": facts("TSLA", tradable=False)}])
def test_no_answer_and_no_symbol_deny_increases_and_only_warn_of_reductions(assets: Any) -> None:
    plan = plan_with({}, assets=assets, held=quantities(AAPL=600, TSLA=-100))

    assert traded(plan) == [("AAPL", 1, "sell", 100)]
    assert check(plan, "AAPL", "not_tradable").outcome == "warned"
    assert row(plan, "TSLA").reason == "not_tradable"
    if isinstance(assets, str):
        assert check(plan, "TSLA", "not_tradable").outcome == "not_evaluable"
        assert any("Alpaca answered 503" in note for note in plan.notes)


def test_a_venue_that_never_tells_has_these_rules_off_and_every_plan_says_so() -> None:
    plan = plan_with({})

    assert len(plan.orders) == 2
    assert {check(plan, "TSLA", code).outcome for code in ASSET_RULES} == {"off"}
    assert any("not_tradable, hard_to_borrow, not_fractionable are off" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("quantity", "fractionable", "outcome"),
    [("1.5", True, "passed"), ("1.5", False, "denied"), ("2", False, "passed")],
)
def test_a_part_of_a_share_is_denied_where_the_symbol_has_none(quantity: str, fractionable: bool, outcome: str) -> None:
    order = plan_with({}).orders[0].model_copy(update={"quantity": Decimal(quantity)})
    (rule,) = (rule for rule in RULES if rule.code == "not_fractionable")
    (judge,) = judges(strategy(), (rule,), reduces=False)

    found = judge(order, SITUATION._replace(assets={"AAPL": facts("AAPL", fractionable=fractionable)}))

    assert found.outcome == outcome
    if outcome == "denied":
        assert "1.5 shares of AAPL are not whole" in (found.detail or "")
