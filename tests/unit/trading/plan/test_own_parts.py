"""Functions of a strategy's own: weights are checked whole, rules only ever deny an increase."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from include.trading.errors import InvalidData
from include.trading.plan.own import OwnParts, OwnRule
from include.trading.plan.plan import Plan, PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.strategy.spec import Strategy
from tests.support.planning import NOW, inputs, prices, quantities, row, signals, strategy, traded

SIZING = {"own": {"function": "mine:weights"}}


def sized(answer: Callable[..., Any], **changes: Any) -> PlanInputs:
    return inputs(
        **{
            "strategy": strategy(sizing=SIZING),
            "signals": signals(AAPL="0.5", MSFT="-0.5"),
            "prices": prices(AAPL=100, MSFT=50),
            "own": OwnParts(sizing=answer),
        }
        | changes
    )


def ruled(answer: Callable[..., Any] | None, problem: str | None = None, **changes: Any) -> Plan:
    """Plan an increase of AAPL and a reduction of MSFT."""
    return make_plan(
        inputs(
            **{
                "strategy": strategy(rules=["mine:rule"]),
                "signals": signals(AAPL="0.5", MSFT="0"),
                "prices": prices(AAPL=100, MSFT=50),
                "held": quantities(MSFT=10),
                "own": OwnParts(rules=(OwnRule("mine:rule", answer, problem),)),
            }
            | changes
        )
    )


@pytest.mark.parametrize("one", [1, Decimal(1)])
def test_own_weights_are_what_is_planned(one: Any) -> None:
    plan = make_plan(sized(lambda *_: {"AAPL": one * 1 / 4, "MSFT": 0}))

    assert traded(plan) == [("AAPL", 1, "buy", 250)]
    assert row(plan, "AAPL").target_weight == Decimal("0.25")


def test_own_sizing_gets_signals_prices_capital_and_limits() -> None:
    got: list[Any] = []

    def weights(*given: Any) -> dict[str, int]:
        got.extend(given)
        return {"AAPL": 0, "MSFT": 0}

    make_plan(sized(weights, prices={**prices(AAPL=100), "MSFT": "missing"}))

    assert [signal.symbol for signal in got[0]] == ["AAPL", "MSFT"]
    assert got[1].keys() == {"AAPL"}
    assert (got[2], got[3].max_position_size) == (100_000, 100_000)


def boom(*_: Any) -> Any:
    raise ZeroDivisionError("two\nlines")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (boom, "expected weights, found ZeroDivisionError: two lines"),
        (lambda *_: None, "expected a dict with the weight of each symbol, found None"),
        (lambda *_: [1], "expected a dict with the weight of each symbol, found [1]"),
        (lambda *_: {"AAPL": 0.1}, "expected a weight for each signal, 0 to hold nothing, found none for MSFT"),
        (lambda *_: {"AAPL": 0, "MSFT": 0, "KO": 0}, "expected symbols that have a signal, found 'KO'"),
        (lambda *_: {"AAPL": 0, "MSFT": 0, None: 0}, "expected symbols that have a signal, found None"),
        (lambda *_: {"AAPL": float("nan"), "MSFT": 0}, "expected a finite weight for AAPL, found Decimal('NaN')"),
        (lambda *_: {"AAPL": Decimal("sNaN"), "MSFT": 0}, "expected a finite weight for AAPL, found Decimal('sNaN')"),
        (
            lambda *_: {"AAPL": float("-inf"), "MSFT": 0},
            "expected a finite weight for AAPL, found Decimal('-Infinity')",
        ),
        (lambda *_: {"AAPL": Decimal("1e999999"), "MSFT": 0}, "expected a finite weight for AAPL"),
        (lambda *_: {"AAPL": 10**400, "MSFT": 0}, "expected a finite weight for AAPL"),
        (lambda *_: {"AAPL": Fraction(10**400), "MSFT": 0}, "expected a finite weight for AAPL"),
        (lambda *_: {"AAPL": True, "MSFT": 0}, "expected a number as the weight of AAPL, found True"),
        (lambda *_: {"AAPL": "0.1", "MSFT": 0}, "expected a number as the weight of AAPL, found '0.1'"),
        (lambda *_: {"AAPL": 1.01, "MSFT": 0}, "expected at most max_position_size, 100000 USD, of each symbol"),
        (lambda *_: {"AAPL": 0, "MSFT": -1.01}, "expected at most max_position_size, 100000 USD, of each symbol"),
    ],
)
def test_a_sizing_that_answers_rubbish_makes_no_plan_and_one_sentence(answer: Callable[..., Any], told: str) -> None:
    with pytest.raises(InvalidData) as refused:
        make_plan(sized(answer))

    assert str(refused.value).startswith(f"sizing mine:weights: {told}")
    assert str(refused.value).endswith("; no plan is made: correct the function")
    assert "\n" not in str(refused.value)


def test_weights_that_add_up_to_too_much_make_no_plan() -> None:
    limited = strategy(sizing=SIZING, max_gross_weight=1)

    assert make_plan(sized(lambda *_: {"AAPL": 0.1 * 3, "MSFT": -0.7}, strategy=limited)).orders
    with pytest.raises(InvalidData, match=r"add up to at most 1 \(max_gross_weight\), found 1.01"):
        make_plan(sized(lambda *_: {"AAPL": 0.31, "MSFT": -0.7}, strategy=limited))


def test_a_run_that_flattens_needs_no_sizing() -> None:
    plan = make_plan(sized(boom, signals=(), held=quantities(AAPL=5), flatten=True, own=OwnParts()))

    assert traded(plan) == [("AAPL", 1, "sell", 5)]


def test_a_rule_denies_an_increase_with_its_sentence_and_no_reduction() -> None:
    plan = ruled(lambda order, situation: f"no {order.symbol} at {situation.now:%H:%M}")

    assert traded(plan) == [("MSFT", 1, "sell", 10)]
    assert (row(plan, "AAPL").outcome, row(plan, "AAPL").reason) == ("denied", "own_rule")
    assert row(plan, "AAPL").detail == "own_rule: mine:rule: no AAPL at 14:30"


def test_a_rule_that_passes_lets_through_nothing_that_another_denies() -> None:
    restricted = strategy(rules=["mine:rule"], restricted_symbols=["AAPL", "MSFT"])

    assert traded(ruled(lambda *_: None)) == [("MSFT", 1, "sell", 10), ("AAPL", 1, "buy", 500)]
    assert traded(ruled(lambda *_: None, strategy=restricted)) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (boom, "it raised ZeroDivisionError: two lines"),
        (lambda *_: True, "expected None or the sentence why not, found True"),
        (lambda *_: " ", "expected None or the sentence why not, found ' '"),
        (lambda: None, "it raised TypeError: "),
        (None, "mine cannot be imported"),
    ],
)
def test_a_rule_that_cannot_be_asked_denies_increases_and_no_reduction(
    answer: Callable[..., Any] | None, told: str
) -> None:
    plan = ruled(answer, "mine cannot be imported")

    assert traded(plan) == [("MSFT", 1, "sell", 10)]
    assert (row(plan, "AAPL").detail or "").startswith(f"own_rule: mine:rule: {told}")


def test_a_rule_is_never_asked_about_a_reduction() -> None:
    asked: list[str] = []
    ruled(lambda order, _: asked.append(order.symbol))

    assert asked == ["AAPL"]


@pytest.mark.parametrize("named", [{"rules": ["mine:rule"]}, {"sizing": SIZING}])
def test_no_plan_is_made_without_the_functions_that_the_strategy_names(named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="imported before the plan was made"):
        make_plan(inputs(strategy=strategy(**named), now=NOW + timedelta(days=1)))


def test_own_parts_are_kept_with_the_strategy() -> None:
    named = strategy(rules=["a.b:c", "d:e"], sizing=SIZING)

    assert Strategy.model_validate(named.model_dump(mode="json")) == named
