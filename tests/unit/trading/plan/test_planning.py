"""From signals to orders, case by case: what a careful trader would expect of each."""

from __future__ import annotations

import json
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from include.trading.errors import InvalidData
from include.trading.plan.changes import change_of
from include.trading.plan.plan import MappingRow
from include.trading.plan.planning import make_plan
from include.trading.plan.reasons import REASONS
from tests.support.planning import NOW, inputs, price, prices, quantities, row, signals, strategy, traded

PRICES = prices(AAPL=100, AMZN=100, GOOGL=100, MSFT=100, TSLA=100)


def test_a_flat_book_gets_the_orders_of_the_adr() -> None:
    plan = make_plan(
        inputs(
            signals=signals(AAPL="0.333", TSLA="-0.333"),
            prices=prices(AAPL=150, TSLA=150),
            strategy=strategy(max_position_size=33_300),
        )
    )

    assert traded(plan) == [("AAPL", 1, "buy", 222), ("TSLA", 1, "sell", 222)]
    assert [order.notional for order in plan.orders] == [Decimal(33_300)] * 2


def test_rebalancing_orders_target_less_held_less_open() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(AAPL=300), open_quantity=quantities(AAPL=50))
    )

    assert traded(plan) == [("AAPL", 1, "buy", 150)]


def test_a_row_tells_the_whole_story() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(AAPL=300)))

    story = {field.name: getattr(row(plan, "AAPL"), field.name) for field in fields(MappingRow)}
    del story["rules"]

    assert story == {
        "symbol": "AAPL",
        "leg": 1,
        "predicted_return": Decimal(0),
        "rank": 1,
        "target_weight": Decimal("0.5"),
        "signal_weight": Decimal("0.5"),
        "bound": "none",
        "target_quantity": 500,
        "held_quantity": Decimal(300),
        "open_quantity": Decimal(0),
        "delta_quantity": Decimal(200),
        "price": Decimal(100),
        "price_source": "test",
        "price_at": price("AAPL", 1).at,
        "price_age_seconds": Decimal("2.0"),
        "order_side": "buy",
        "order_quantity": 200,
        "outcome": "order",
        "reason": None,
        "detail": None,
    }


def test_every_symbol_of_the_strategy_and_of_its_book_has_a_row() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(XOM=10)))

    assert [story.symbol for story in plan.rows] == ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA", "XOM"]


def test_a_name_without_a_weight_is_closed() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5", MSFT="0"), prices=PRICES, held=quantities(AAPL=500, MSFT=40)))

    assert traded(plan) == [("MSFT", 1, "sell", 40)]
    assert plan.orders[0].reduces


@pytest.mark.parametrize("absent_signal", ["close", "keep"])
@pytest.mark.parametrize("basis", ["rebalance", "target"])
@pytest.mark.parametrize(("held", "working"), [(263, 0), (-7, 0), (0, 5), (3, -1)])
def test_a_name_that_the_answer_leaves_out_keeps_its_holding(
    absent_signal: str, basis: str, held: int, working: int
) -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(absent_signal=absent_signal, order_basis=basis),
            signals=signals(MSFT="0.5", AMZN="0", GOOGL="0", TSLA="0"),
            prices=PRICES,
            held=quantities(AAPL=held, MSFT=500 if basis == "rebalance" else 0),
            open_quantity=quantities(AAPL=working),
        )
    )

    assert "AAPL" not in [order.symbol for order in plan.orders]
    assert (row(plan, "AAPL").outcome, row(plan, "AAPL").reason) == ("skipped", "signal_missing")
    assert f"{held + working} shares stay" in (row(plan, "AAPL").detail or "")


def test_a_name_that_the_answer_leaves_out_and_that_is_not_held_wants_no_change() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES))

    assert (row(plan, "MSFT").outcome, row(plan, "MSFT").reason) == ("skipped", "signal_missing_flat")
    assert plan.planned_change_symbols == 1


def test_a_name_that_left_the_strategy_is_closed() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5"), prices=PRICES | prices(XOM=50), held=quantities(AAPL=500, XOM=-7))
    )

    assert traded(plan) == [("XOM", 1, "buy", 7)]


def test_a_name_that_left_the_strategy_is_kept_when_the_strategy_says_so() -> None:
    keeping = strategy(absent_signal="keep")

    plan = make_plan(
        inputs(strategy=keeping, signals=signals(AAPL="0.5"), prices=PRICES | prices(XOM=50), held=quantities(XOM=40))
    )

    assert (row(plan, "XOM").outcome, row(plan, "XOM").reason) == ("skipped", "absent_signal_kept")


@pytest.mark.parametrize("nothing", [(), signals(AAPL="0", MSFT="0")])
@pytest.mark.parametrize("basis", ["rebalance", "target"])
def test_without_a_tradable_signal_nothing_is_planned_and_holdings_stay(nothing: Any, basis: str) -> None:
    plan = make_plan(
        inputs(strategy=strategy(order_basis=basis), signals=nothing, prices=PRICES, held=quantities(MSFT=40))
    )

    assert plan.orders == ()
    assert row(plan, "MSFT").reason == "no_tradable_signal"
    assert row(plan, "AAPL").outcome == "unchanged"
    assert plan.planned_change_symbols == 0


@pytest.mark.parametrize("basis", ["rebalance", "target"])
@pytest.mark.parametrize("given", [(), signals(AAPL="0.5", MSFT="-0.5")])
def test_flattening_closes_everything_whatever_the_signals_say(given: Any, basis: str) -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(order_basis=basis),
            signals=given,
            prices=PRICES,
            held=quantities(MSFT=40, TSLA=-5),
            flatten=True,
        )
    )

    assert sorted(traded(plan)) == [("MSFT", 1, "sell", 40), ("TSLA", 1, "buy", 5)]


@pytest.mark.parametrize(("most", "closed"), [(3, {"AMZN", "MSFT", "TSLA"}), (2, {"AMZN", "TSLA"}), (1, {"TSLA"})])
def test_flattening_more_than_one_run_has_tasks_for_closes_the_largest_and_says_what_is_left(
    most: int, closed: set[str]
) -> None:
    held = quantities(MSFT=40, TSLA=-50, AMZN=45)
    plan = make_plan(
        inputs(signals=(), prices=prices(MSFT=100, TSLA=100, AMZN=100), held=held, flatten=True, most_symbols=most)
    )

    assert {order.symbol for order in plan.orders} == closed
    for symbol in {"AMZN", "MSFT", "TSLA"} - closed:
        assert (row(plan, symbol).outcome, row(plan, symbol).reason) == ("denied", "left_for_another_run")
    said = [note for note in plan.notes if f"the {most} largest of 3 holdings are closed, {3 - most} are left" in note]
    assert len(said) == (1 if most < 3 else 0)


def test_only_the_symbols_a_run_was_narrowed_to_are_planned() -> None:
    plan = make_plan(
        inputs(
            only_symbols=("AAPL", "MSFT"),
            signals=signals(AAPL="0.5", AMZN="0.5", GOOGL="0", MSFT="0", TSLA="-0.5"),
            prices=PRICES,
            held=quantities(TSLA=9, MSFT=4),
        )
    )

    assert [story.symbol for story in plan.rows] == ["AAPL", "MSFT"]
    assert traded(plan) == [("MSFT", 1, "sell", 4), ("AAPL", 1, "buy", 500)]


@pytest.mark.parametrize(("held", "outcome"), [("499", "order"), ("499.01", "skipped"), ("500", "unchanged")])
def test_a_change_smaller_than_the_band_is_not_traded(held: str, outcome: str) -> None:
    # The band is 0.1 % of 100 000 USD: one share at 100 USD.
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(AAPL=held)))

    assert row(plan, "AAPL").outcome == outcome


def test_a_change_inside_the_band_has_its_reason_and_counts_as_no_change() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES | prices(AAPL="20"), held=quantities(AAPL=2496)))

    assert row(plan, "AAPL").reason == "inside_band"
    assert row(plan, "AAPL").detail == f"{REASONS['inside_band']} (4 shares at 20 are less than 100 USD)"
    assert plan.planned_change_symbols == 0


def test_a_position_is_closed_even_when_it_is_smaller_than_the_band() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5", MSFT="0"), prices=PRICES | prices(MSFT=1), held=quantities(AAPL=500, MSFT=1))
    )

    assert traded(plan) == [("MSFT", 1, "sell", 1)]


def test_a_weight_under_one_share_is_skipped_with_its_reason() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5", MSFT="0.0009"), prices=PRICES))

    assert (row(plan, "MSFT").outcome, row(plan, "MSFT").reason) == ("skipped", "under_one_share")
    assert plan.planned_change_symbols == 1


def test_a_holding_whose_target_fell_under_one_share_is_closed() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5", MSFT="0.0009"), prices=PRICES, held=quantities(AAPL=500, MSFT=3))
    )

    assert traded(plan) == [("MSFT", 1, "sell", 3)]


def test_a_flip_closes_with_its_first_leg_and_opens_with_its_second() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="-0.5"), prices=PRICES, held=quantities(AAPL=200)))

    assert traded(plan) == [("AAPL", 1, "sell", 200), ("AAPL", 2, "sell", 500)]
    assert [order.reduces for order in plan.orders] == [True, False]
    assert [row(plan, "AAPL", leg).delta_quantity for leg in (1, 2)] == [-200, -500]


@pytest.mark.parametrize(("ids_from_content", "second"), [(False, 500), (True, 499)])
def test_equal_legs_differ_by_a_share_where_the_gateway_tells_orders_apart_by_quantity(
    ids_from_content: bool, second: int
) -> None:
    plan = make_plan(
        inputs(
            signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(AAPL=-500), ids_from_content=ids_from_content
        )
    )

    assert traded(plan) == [("AAPL", 1, "buy", 500), ("AAPL", 2, "buy", second)]


def test_legs_of_different_size_stay_as_they_are() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5"), prices=PRICES, held=quantities(AAPL=-200), ids_from_content=True)
    )

    assert traded(plan) == [("AAPL", 1, "buy", 200), ("AAPL", 2, "buy", 500)]


def test_an_equal_second_leg_of_one_share_is_skipped_where_ids_are_made_of_content() -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(no_trade_band=0),
            signals=signals(AAPL="0.001"),
            prices=PRICES,
            held=quantities(AAPL=-1),
            ids_from_content=True,
        )
    )

    assert traded(plan) == [("AAPL", 1, "buy", 1)]
    assert (row(plan, "AAPL", leg=2).outcome, row(plan, "AAPL", leg=2).reason) == ("skipped", "id_collision")


def test_the_second_leg_is_denied_with_the_first() -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(restricted_symbols=["AAPL"]),
            signals=signals(AAPL="-0.5"),
            prices=PRICES,
            held=quantities(AAPL=700),
        )
    )

    assert plan.orders == ()
    assert row(plan, "AAPL").reason == "restricted_symbol"
    assert (row(plan, "AAPL", leg=2).outcome, row(plan, "AAPL", leg=2).reason) == ("denied", "first_leg_denied")


@pytest.mark.parametrize(
    "reason",
    [
        "missing",
        "stale",
        "not a number",
        "not positive",
        "wrong symbol",
        "no time",
        "in the future",
        "more than one bar",
    ],
)
@pytest.mark.parametrize("held", [0, 40])
def test_without_a_price_there_is_no_order_and_the_reason_is_told(reason: str, held: int) -> None:
    weights = {"AAPL": "0.5", "MSFT": "0" if held else "0.3"}

    plan = make_plan(inputs(signals=signals(**weights), prices=PRICES | {"MSFT": reason}, held=quantities(MSFT=held)))

    assert [order.symbol for order in plan.orders] == ["AAPL"]
    assert (row(plan, "MSFT").outcome, row(plan, "MSFT").reason) == ("skipped", f"price_{reason.replace(' ', '_')}")
    assert plan.planned_change_symbols == 2


LAST = {"MSFT": price("MSFT", 80)}


@pytest.mark.parametrize(
    ("closes", "last", "valued_at"),
    [(prices(MSFT=90), LAST, 90), ({"MSFT": "missing"}, LAST, 80), (prices(MSFT=90), {}, 90)],
)
@pytest.mark.parametrize("problem", ["missing", "stale"])
@pytest.mark.parametrize("held", [40, -40])
def test_a_person_can_close_a_holding_that_has_no_price(
    closes: dict[str, Any], last: dict[str, Any], valued_at: int, problem: str, held: int
) -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(limits={}),
            prices={"MSFT": problem},
            previous_closes=closes,
            last_prices=last,
            held=quantities(MSFT=held),
            flatten=True,
        )
    )

    assert traded(plan) == [("MSFT", 1, "sell" if held > 0 else "buy", 40)]
    assert plan.orders[0].price == valued_at
    assert f"the price today is {problem}" in (row(plan, "MSFT").detail or "")


def test_a_holding_that_never_had_a_price_stays_and_says_so() -> None:
    plan = make_plan(inputs(held=quantities(MSFT=40), flatten=True))

    assert (row(plan, "MSFT").outcome, row(plan, "MSFT").reason) == ("skipped", "price_missing")
    assert "no earlier price is known" in (row(plan, "MSFT").detail or "")


def test_without_a_price_a_close_that_an_open_order_may_turn_into_a_short_is_not_ordered() -> None:
    plan = make_plan(
        inputs(last_prices=LAST, held=quantities(MSFT=40), open_quantity=quantities(MSFT=10), flatten=True)
    )

    assert plan.orders == ()
    assert row(plan, "MSFT").reason == "price_missing"


def test_a_symbol_nobody_gave_a_price_for_has_none() -> None:
    assert row(make_plan(inputs(signals=signals(AAPL="0.5"))), "AAPL").reason == "price_missing"


def test_where_nothing_is_wanted_no_price_is_needed() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5", MSFT="0"), prices=prices(AAPL=100)))

    assert row(plan, "MSFT").outcome == "unchanged"


@pytest.mark.parametrize("reason", ["unexplained_position", "unresolved_order"])
def test_a_blocked_symbol_is_not_traded(reason: str) -> None:
    plan = make_plan(
        inputs(
            signals=signals(AAPL="0.5", MSFT="0.5"),
            prices=PRICES,
            held=quantities(MSFT=10),
            blocked={"MSFT": reason},
            flatten=True,
        )
    )

    assert plan.orders == ()
    assert (row(plan, "MSFT").outcome, row(plan, "MSFT").reason) == ("skipped", reason)


def test_the_adrs_letter_orders_the_full_target_every_time_and_never_closes() -> None:
    plan = make_plan(
        inputs(
            strategy=strategy(order_basis="target"),
            signals=signals(AAPL="0.5", MSFT="0", TSLA="-0.0010"),
            prices=PRICES,
            held=quantities(AAPL=500, MSFT=40),
        )
    )

    assert traded(plan) == [("AAPL", 1, "buy", 500), ("TSLA", 1, "sell", 1)]
    assert row(plan, "MSFT").outcome == "unchanged"


def test_less_than_a_share_is_never_ordered() -> None:
    plan = make_plan(
        inputs(signals=signals(AAPL="0.5", MSFT="0"), prices=PRICES, held=quantities(AAPL=500, MSFT="0.4"))
    )

    assert row(plan, "MSFT").reason == "under_one_share"


def test_reductions_come_first_and_then_the_strongest_signals_of_both_sides() -> None:
    plan = make_plan(
        inputs(
            signals=signals(AAPL="0.5", AMZN="0.4", GOOGL="0", MSFT="-0.4", TSLA="-0.5"),
            prices=PRICES,
            held=quantities(GOOGL=10),
        )
    )

    assert [order.symbol for order in plan.orders] == ["GOOGL", "AAPL", "TSLA", "AMZN", "MSFT"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": signals(AAPL="0.5") * 2}, "each symbol once, found twice: AAPL"),
        ({"signals": signals(XOM="0.5")}, "symbols of strategy daily_trading, found XOM"),
        ({"prices": {"AAPL": price("MSFT", 1)}}, "prices: expected a price of AAPL, found one of MSFT"),
        ({"previous_closes": {"AAPL": price("MSFT", 1)}}, "previous_closes: expected a price of AAPL"),
        ({"last_prices": {"AAPL": price("MSFT", 1)}}, "last_prices: expected a price of AAPL"),
        ({"prices": {"AAPL": "because"}}, "prices: expected for AAPL a price or the words of .*, found 'because'"),
        ({"blocked": {"AAPL": "because"}}, "blocked: expected for AAPL one of .*, found 'because'"),
    ],
)
def test_inputs_that_contradict_themselves_make_no_plan(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        make_plan(inputs(**changes))


def test_a_sizing_that_forgets_a_priced_symbol_is_an_error() -> None:
    given = inputs(signals=signals(AAPL="0.5"), prices=PRICES)

    with pytest.raises(InvalidData, match="expected a target for AAPL, which has a price; found none"):
        change_of("AAPL", given, given.signals[0], None, tradable=True)


def test_a_plan_survives_json() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="-0.5", MSFT="0.2"), prices=PRICES, held=quantities(AAPL=20)))

    written = plan.model_dump_json()

    assert type(plan).model_validate_json(written) == plan
    first, *_ = json.loads(written)["rows"]
    assert (first["symbol"], first["rules"][0]["code"]) == ("AAPL", "restricted_symbol")


def test_the_time_of_planning_only_gives_prices_their_age() -> None:
    plan = make_plan(inputs(signals=signals(AAPL="0.5"), prices=PRICES, now=NOW.replace(hour=15)))

    assert traded(plan) == [("AAPL", 1, "buy", 500)]
    assert row(plan, "AAPL").price_age_seconds == Decimal("3602.0")
