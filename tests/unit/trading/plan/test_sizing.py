"""A plan sized by a model: weights, the constraint that bound each, what stays, shadows, and the same plan again."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from include.launcher.paths import ROOT
from include.trading.errors import InvalidData
from include.trading.plan.own import OwnParts
from include.trading.plan.packed import packed, unpacked
from include.trading.plan.plan import PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.plan.sizing import shadows_of
from include.trading.sizing.inputs import History
from tests.support.planning import inputs, prices, quantities, row, signals, strategy, traded
from tests.support.sizing import history_of, random_returns

SYMBOLS = ("AAPL", "AMZN", "GOOGL", "MSFT", "TSLA")
HISTORY = history_of(random_returns(SYMBOLS))
SIGNALS = signals(AAPL="0.4", AMZN="0.3", GOOGL="0", MSFT="-0.2", TSLA="-0.1")
PRICES = prices(AAPL=100, AMZN=50, GOOGL=200, MSFT=25, TSLA=80)


def sized(
    sizing: Any, history: History | None = HISTORY, changes: dict[str, Any] | None = None, **more: Any
) -> PlanInputs:
    made = strategy(sizing=sizing, **(changes or {}))
    return inputs(**{"strategy": made, "signals": SIGNALS, "prices": PRICES, "history": history} | more)


def without(*symbols: str) -> History:
    return History(HISTORY.sessions, {s: closes for s, closes in HISTORY.closes.items() if s not in symbols})


def test_the_models_weights_are_what_is_planned_and_the_signals_own_are_kept_beside_them() -> None:
    plan = make_plan(sized("equal_weight"))

    assert traded(plan) == [
        ("AAPL", 1, "buy", 500),
        ("MSFT", 1, "sell", 2000),
        ("AMZN", 1, "buy", 1000),
        ("TSLA", 1, "sell", 625),
    ]
    aapl, googl = row(plan, "AAPL"), row(plan, "GOOGL")
    assert (aapl.signal_weight, aapl.target_weight, aapl.bound) == (Decimal("0.4"), Decimal("0.5"), "none")
    assert (googl.signal_weight, googl.target_weight, googl.outcome) == (0, 0, "unchanged")


def test_every_row_names_the_constraint_that_bound_it() -> None:
    plan = make_plan(sized("equal_weight", changes={"max_position_size": 40_000}, prices=PRICES | prices(AMZN=39_000)))

    assert {each.symbol: each.bound for each in plan.rows} == {
        "AAPL": "cap",
        "AMZN": "cap",
        "GOOGL": "none",
        "MSFT": "cap",
        "TSLA": "cap",
    }
    target = {"yearly": "0.05", "max_gross": 2}
    scaled = make_plan(sized("risk_parity", changes={"volatility_target": target}))
    assert {each.bound for each in scaled.rows if each.symbol != "GOOGL"} == {"volatility_target"}
    ceiling = make_plan(sized("risk_parity", changes={"volatility_target": {"yearly": 4, "max_gross": "0.5"}}))
    assert {each.bound for each in ceiling.rows if each.symbol != "GOOGL"} == {"gross"}


def test_a_name_without_a_history_keeps_its_holding_and_says_why() -> None:
    plan = make_plan(sized("risk_parity", without("AAPL", "TSLA"), held=quantities(AAPL=300)))

    held, flat = row(plan, "AAPL"), row(plan, "TSLA")
    assert (held.outcome, held.reason, held.target_quantity, held.bound) == ("skipped", "no_history", None, None)
    assert held.detail is not None
    assert held.detail.endswith("(there are no closes of it, 300 shares stay)")
    assert (flat.outcome, flat.reason) == ("skipped", "no_history_flat")
    # 30 000 USD of the long book are AAPL's already.
    assert row(plan, "AMZN").target_weight == Decimal("0.7")


def test_a_holding_against_its_signal_is_closed_even_without_a_history() -> None:
    plan = make_plan(sized("risk_parity", without("AAPL"), held=quantities(AAPL=-300)))

    assert ("AAPL", 1, "buy", 300) in traded(plan)
    assert row(plan, "AMZN").target_weight == 1


def test_no_history_at_all_trades_nothing_but_what_the_signals_close() -> None:
    plan = make_plan(sized("risk_parity", None, held=quantities(AAPL=300, GOOGL=5)))

    assert traded(plan) == [("GOOGL", 1, "sell", 5)]


def test_a_model_that_finds_no_weights_makes_no_plan() -> None:
    unpredicted = tuple(signal.model_copy(update={"predicted_return": None}) for signal in SIGNALS)

    with pytest.raises(InvalidData, match="no plan is made"):
        make_plan(sized({"kelly": {"horizon": 1, "scale": 1}}, signals=unpredicted))


def test_a_weight_against_its_signal_closes_the_position_and_says_so_where_nothing_is_held() -> None:
    against = tuple(signal.model_copy(update={"predicted_return": Decimal("-0.01")}) for signal in SIGNALS)
    kelly = {"kelly": {"horizon": 1, "scale": 1}}

    plan = make_plan(sized(kelly, signals=against, held=quantities(AMZN=10)))

    assert (row(plan, "AAPL").outcome, row(plan, "AAPL").reason) == ("skipped", "side_conflict")
    assert (row(plan, "AMZN").bound, ("AMZN", 1, "sell", 10) in traded(plan)) == ("side_conflict", True)


def test_flattening_needs_no_history_and_no_weights() -> None:
    plan = make_plan(sized("risk_parity", None, held=quantities(AAPL=300), flatten=True))

    assert traded(plan) == [("AAPL", 1, "sell", 300)]


def test_own_weights_meet_the_volatility_target_too() -> None:
    own = {"own": {"function": "mine:weights"}}
    weights = {"AAPL": 0.5, "AMZN": 0.5, "GOOGL": 0, "MSFT": 0, "TSLA": 0}
    target = {"yearly": "0.02", "max_gross": 2}

    plan = make_plan(sized(own, changes={"volatility_target": target}, own=OwnParts(sizing=lambda *_: weights)))

    assert row(plan, "AAPL").target_weight == row(plan, "AMZN").target_weight
    assert (row(plan, "AAPL").bound, row(plan, "AAPL").signal_weight) == ("volatility_target", Decimal("0.4"))


SHADOWED = {"shadow": ["equal_weight", "risk_parity", {"kelly": {"horizon": 1, "scale": 1}}]}


def test_shadows_change_no_plan_and_say_what_they_would_hold() -> None:
    shadowed = sized("target_weight", changes=SHADOWED)

    assert make_plan(shadowed) == make_plan(sized("target_weight"))
    equal, parity, kelly = shadows_of(shadowed)
    assert [(target.symbol, target.weight, target.quantity) for target in equal.targets] == [
        ("AAPL", Decimal("0.5"), 500),
        ("AMZN", Decimal("0.5"), 1000),
        ("GOOGL", 0, 0),
        ("MSFT", Decimal("-0.5"), -2000),
        ("TSLA", Decimal("-0.5"), -625),
    ]
    alone = make_plan(sized("risk_parity"))
    assert {target.symbol: target.quantity for target in parity.targets} == {
        each.symbol: each.target_quantity for each in alone.rows
    }
    assert (kelly.refused, {target.quantity for target in kelly.targets}) == (None, {0})


def test_a_shadow_that_finds_no_weights_says_why_and_stops_no_plan() -> None:
    unpredicted = tuple(signal.model_copy(update={"predicted_return": None}) for signal in SIGNALS)
    shadowed = sized("target_weight", changes=SHADOWED, signals=unpredicted)

    kelly = shadows_of(shadowed)[2]

    assert kelly.targets == ()
    assert kelly.refused is not None
    assert kelly.refused.startswith("sizing kelly: expected a predicted return")
    assert make_plan(shadowed).orders


def test_a_shadow_that_fails_says_how_and_the_others_go_on() -> None:
    broken = History(HISTORY.sessions, {**HISTORY.closes, "AAPL": (Decimal("sNaN"),) * len(HISTORY.sessions)})

    equal, parity, kelly = shadows_of(sized("target_weight", broken, SHADOWED))

    assert (equal.refused, len(equal.targets)) == (None, 5)
    for each in (parity, kelly):
        assert (each.refused, each.targets) == ("it raised ValueError: cannot convert signaling NaN to float", ())


def test_shadows_without_the_closes_that_they_look_at_say_why_there_are_none() -> None:
    equal, parity, kelly = shadows_of(sized("target_weight", None, SHADOWED), "the market data is down")

    assert (equal.refused, len(equal.targets)) == (None, 5)
    assert (parity.refused, kelly.refused) == ("the market data is down", "the market data is down")


def test_shadows_of_a_strategy_without_a_capital_say_so() -> None:
    capital = {"capital": {"equity": {"share": "0.5"}}, "replay_capital": 1000, "max_position_size": 1000}

    found = shadows_of(sized("target_weight", changes=SHADOWED | capital))

    assert {(each.refused, each.targets) for each in found} == {("the capital is not known", ())}


@pytest.mark.parametrize("sizing", ["target_weight", "risk_parity", "inverse_volatility"])
def test_a_plan_is_made_again_to_the_share_from_what_was_kept_of_it(sizing: str) -> None:
    before = sized(sizing, changes={"volatility_target": {"yearly": "0.1"}}, held=quantities(AAPL="12.5"))
    kept = packed(before)

    again = unpacked(kept)

    assert again == before
    assert make_plan(again) == make_plan(before)
    assert packed(again) == kept


def test_what_was_changed_is_not_taken_for_what_a_plan_was_made_from() -> None:
    kept = packed(sized("risk_parity"))

    with pytest.raises(InvalidData, match="was changed: expected sha256 0"):
        unpacked(kept._replace(sha256="0" * 64))
    with pytest.raises(InvalidData, match="cannot be unpacked"):
        unpacked(kept._replace(content=b"x" + kept.content))


def test_a_year_of_five_hundred_names_is_kept_in_less_than_a_megabyte_and_as_the_page_says() -> None:
    symbols = [f"S{number:03}" for number in range(500)]
    returns = random_returns(symbols, count=251)
    exact = history_of(returns)
    cents = History(
        exact.sessions,
        {s: tuple(None if each is None else round(each, 2) for each in closes) for s, closes in exact.closes.items()},
    )
    made = strategy(symbols=symbols, sizing="risk_parity")
    many = inputs(
        strategy=made,
        signals=signals(**dict.fromkeys(symbols, "0.002")),
        prices=prices(**dict.fromkeys(symbols, "101.37")),
        history=cents,
    )

    size = len(packed(many).content)
    assert size < 1_000_000
    page = (ROOT / "docs" / "deployment.md").read_text()
    told = re.search(r"500 names, a model that looks at 252 closes of each \| ([0-9.]+) MB \| (\d+) MB", page)
    assert told is not None
    assert size / 1e6 == pytest.approx(float(told[1]), rel=0.1)
    assert 252 * size / 1e6 == pytest.approx(float(told[2]), rel=0.1)
