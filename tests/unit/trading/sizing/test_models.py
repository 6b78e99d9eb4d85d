"""What each sizing model promises of its weights, exactly."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.trading.errors import InvalidData
from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.estimators import SESSIONS_A_YEAR, sample_volatility
from include.trading.sizing.inputs import History, Name, SizingInputs
from include.trading.sizing.kelly import kelly_weights
from include.trading.sizing.models import weights_of
from include.trading.sizing.risk_parity import risk_budgets
from include.trading.strategy.sizing_spec import (
    Confidence,
    EqualWeight,
    EwmaVolatility,
    InverseVolatility,
    Kelly,
    RiskParity,
    SizingSpec,
    TargetWeight,
    VolatilityTarget,
)
from tests.support.sizing import floats, history_of, random_returns, sizing

SYMBOLS = ("AAPL", "AMZN", "GOOGL", "MSFT", "TSLA", "XOM")
RETURNS = random_returns(SYMBOLS)
HISTORY = history_of(RETURNS)
BOTH = {"AAPL": "0.4", "AMZN": "0.3", "GOOGL": "0.3", "MSFT": "-0.5", "TSLA": "-0.25", "XOM": "-0.25"}
LONG = dict.fromkeys(SYMBOLS, "0.1")
KELLY = Kelly(horizon=1, scale=Decimal(1), long_gross=Decimal(1), short_gross=Decimal(1))
MODELS: tuple[SizingSpec, ...] = (
    TargetWeight(),
    EqualWeight(),
    InverseVolatility(),
    InverseVolatility(volatility=EwmaVolatility()),
    RiskParity(),
    KELLY,
    Confidence(),
)


def predicting(history: History | None = HISTORY, **returns: str) -> SizingInputs:
    """Names whose predicted return has the sign of their weight, and a confidence."""
    return SizingInputs(
        tuple(
            Name(symbol, Decimal(each), Decimal(each) / 100, abs(Decimal(each)))
            for symbol, each in sorted(returns.items())
        ),
        history,
    )


def books(weights: dict[str, float]) -> tuple[float, float]:
    return sum(each for each in weights.values() if each > 0), -sum(each for each in weights.values() if each < 0)


def covariance(symbols: tuple[str, ...], history: History = HISTORY) -> Any:
    return covariance_of(history, symbols, 252, "skip").matrix


@pytest.mark.parametrize("spec", [EqualWeight, InverseVolatility, RiskParity], ids=lambda spec: spec.word)
def test_the_books_add_up_to_what_was_asked_for_and_never_more(spec: Any) -> None:
    made = weights_of(spec(long_gross=Decimal("0.8"), short_gross=Decimal("0.4")), None, sizing(HISTORY, **BOTH))

    longs, shorts = books(floats(made))
    assert (longs, shorts) == (pytest.approx(0.8, abs=1e-11), pytest.approx(0.4, abs=1e-11))
    assert sum(each for each in made.weights.values() if each > 0) <= Decimal("0.8")
    assert {symbol: each > 0 for symbol, each in made.weights.items()} == {
        symbol: not weight.startswith("-") for symbol, weight in BOTH.items()
    }


@pytest.mark.parametrize("book", [("AAPL", "AMZN", "GOOGL"), ("MSFT", "TSLA", "XOM")])
def test_every_name_of_a_side_contributes_the_same_risk(book: tuple[str, ...]) -> None:
    made = floats(weights_of(RiskParity(), None, sizing(HISTORY, **BOTH)))
    # As computed; the ledger's twelve decimals are rounded.
    exact = risk_budgets(covariance(SYMBOLS)[np.ix_(*[[SYMBOLS.index(s) for s in book]] * 2)], np.full(3, 1 / 3))

    weights = np.array([abs(made[symbol]) for symbol in book])
    matrix = covariance(SYMBOLS)[np.ix_(*[[SYMBOLS.index(symbol) for symbol in book]] * 2)]
    shares = weights * (matrix @ weights) / (weights @ matrix @ weights)
    assert shares == pytest.approx([1 / 3] * 3, abs=1e-9)
    assert weights == pytest.approx(exact, abs=1e-11)


def test_budgets_are_the_shares_of_the_risk() -> None:
    spec = RiskParity(budgets={"AAPL": Decimal(3), "XOM": Decimal("0.5")})
    made = floats(weights_of(spec, None, sizing(HISTORY, **LONG)))

    weights = np.array([made[symbol] for symbol in SYMBOLS])
    matrix = covariance(SYMBOLS)
    shares = weights * (matrix @ weights) / (weights @ matrix @ weights)
    assert shares == pytest.approx(np.array([3, 1, 1, 1, 1, 0.5]) / 7.5, abs=1e-9)


def test_equal_risk_is_inverse_volatility_where_all_correlations_are_equal() -> None:
    volatilities = np.array([0.1, 0.2, 0.3, 0.4])
    equal = np.full((4, 4), 0.5) + np.eye(4) / 2

    weights = risk_budgets(equal * np.outer(volatilities, volatilities), np.full(4, 0.25))

    assert weights == pytest.approx([0.48, 0.24, 0.16, 0.12], abs=1e-9)


def test_equal_risk_of_the_four_assets_whose_answer_others_found_too() -> None:
    volatilities = np.array([0.1, 0.2, 0.3, 0.4])
    correlations = np.eye(4)
    correlations[0, 1] = correlations[1, 0] = 0.8
    correlations[2, 3] = correlations[3, 2] = -0.5

    weights = risk_budgets(correlations * np.outer(volatilities, volatilities), np.full(4, 0.25))

    assert weights == pytest.approx([0.384, 0.192, 0.243, 0.182], abs=1e-3)


def test_names_that_hedge_each_other_completely_are_refused_in_words() -> None:
    with pytest.raises(InvalidData, match="hedge each other completely; no plan is made"):
        risk_budgets(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.full(2, 0.5))
    with pytest.raises(InvalidData, match="would have no risk; no plan is made"):
        kelly_weights(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([0.1, 0.2]), 0.25)


def test_inverse_volatility_is_in_proportion_to_one_over_it() -> None:
    made = floats(weights_of(InverseVolatility(), None, sizing(HISTORY, **LONG)))

    volatilities = {symbol: float(sample_volatility(RETURNS[symbol][:, None])[0]) for symbol in SYMBOLS}
    products = [made[symbol] * volatilities[symbol] for symbol in SYMBOLS]
    assert products == pytest.approx([products[0]] * 6, rel=1e-9)


def test_a_volatility_below_the_floor_counts_as_the_floor() -> None:
    quiet = history_of({"AAPL": [0.0001, -0.0001] * 30, "MSFT": [0.02, -0.02] * 30})
    spec = InverseVolatility(volatility_floor=Decimal("0.1"))

    made = floats(weights_of(spec, None, sizing(quiet, AAPL="1", MSFT="1")))

    of_msft = float(sample_volatility(np.array([[0.02], [-0.02]] * 30))[0]) * np.sqrt(SESSIONS_A_YEAR)
    assert made["AAPL"] / made["MSFT"] == pytest.approx(of_msft / 0.1, rel=1e-6)


def test_kelly_of_uncorrelated_names_is_the_fraction_of_mean_over_variance() -> None:
    means, variances = np.array([0.001, -0.002, 0.0005]), np.array([0.0001, 0.0004, 0.0002])

    assert kelly_weights(np.diag(variances), means, 0.25) == pytest.approx(0.25 * means / variances, rel=1e-12)


def test_kelly_scales_with_the_means_and_turns_with_their_sign() -> None:
    matrix, means = covariance(SYMBOLS), np.linspace(-0.001, 0.002, 6)
    weights = kelly_weights(matrix, means, 0.25)

    assert kelly_weights(matrix, 3 * means, 0.25) == pytest.approx(3 * weights, rel=1e-9)
    assert kelly_weights(matrix, -means, 0.25) == pytest.approx(-weights, rel=1e-9)
    assert kelly_weights(matrix, means, 1e-15) == pytest.approx(np.zeros(6), abs=1e-9)


def test_kelly_takes_the_horizon_and_the_scale_of_the_predictions() -> None:
    inputs = predicting(AAPL="0.01")
    whole = floats(weights_of(Kelly(horizon=1, scale=Decimal("0.1")), None, inputs))["AAPL"]

    assert floats(weights_of(Kelly(horizon=5, scale=Decimal("0.5")), None, inputs))["AAPL"] == pytest.approx(whole)
    assert floats(weights_of(Kelly(horizon=10, scale=Decimal("0.1")), None, inputs))["AAPL"] == pytest.approx(
        whole / 10
    )


def test_a_kelly_weight_against_its_signal_is_nothing_and_says_so() -> None:
    against = SizingInputs(
        (Name("AAPL", Decimal("0.5"), Decimal("-0.01")), Name("XOM", Decimal("-0.5"), Decimal("-0.01"))), HISTORY
    )

    made = weights_of(KELLY, None, against)

    assert (made.weights["AAPL"], made.bounds["AAPL"]) == (0, "side_conflict")
    assert made.weights["XOM"] < 0


def test_kelly_without_a_predicted_return_is_refused_in_words() -> None:
    with pytest.raises(
        InvalidData, match="expected a predicted return of each signal with a weight, found none of AAPL"
    ):
        weights_of(KELLY, None, sizing(HISTORY, AAPL="1"))


def test_predictions_that_cannot_be_returns_are_refused_in_words() -> None:
    with pytest.raises(InvalidData, match="found one that makes 5e\\+03 of it in every session; no plan is made"):
        weights_of(KELLY, None, predicting(AAPL="500000", AMZN="0.01"))


def test_what_kelly_wants_beyond_the_ceilings_is_scaled_down_and_says_so() -> None:
    made = weights_of(KELLY, None, predicting(AAPL="1", AMZN="1", XOM="-1"))

    longs, shorts = books(floats(made))
    assert longs == pytest.approx(1, abs=1e-11)
    assert shorts <= 1
    assert {made.bounds[symbol] for symbol in ("AAPL", "AMZN") if made.weights[symbol]} == {"gross"}


def test_confidence_is_scaled_down_only_and_the_rest_stays_cash() -> None:
    def confident(**confidences: str) -> dict[str, float]:
        pairs = sorted(confidences.items())
        inputs = SizingInputs(tuple(Name(s, Decimal("0.1"), None, Decimal(c)) for s, c in pairs))
        return floats(weights_of(Confidence(), None, inputs))

    assert confident(AAPL="0.2", MSFT="0.3") == {"AAPL": 0.2, "MSFT": 0.3}
    assert confident(AAPL="0.9", MSFT="0.6") == {"AAPL": pytest.approx(0.6), "MSFT": pytest.approx(0.4)}


def test_a_signal_without_a_confidence_is_refused_in_words() -> None:
    with pytest.raises(
        InvalidData, match="expected a confidence from 0 to 1 of each signal with a weight, found none of"
    ):
        weights_of(Confidence(), None, sizing(None, AAPL="1"))


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
def test_the_target_is_the_expected_volatility_unless_a_ceiling_binds(spec: SizingSpec) -> None:
    inputs = predicting(**BOTH)
    ceilings = {"long_gross": Decimal(5), "short_gross": Decimal(5)} if hasattr(spec, "long_gross") else {}
    target = VolatilityTarget(yearly=Decimal("0.07"), max_gross=Decimal(9))

    made = weights_of(spec.model_copy(update=ceilings), target, inputs)

    weights = np.array([float(made.weights[symbol]) for symbol in SYMBOLS])
    used = [place for place, each in enumerate(weights) if each]
    matrix = covariance(tuple(SYMBOLS[place] for place in used))
    assert np.sqrt(SESSIONS_A_YEAR * weights[used] @ matrix @ weights[used]) == pytest.approx(0.07, abs=1e-6)
    assert {made.bounds[SYMBOLS[place]] for place in used} == {"volatility_target"}


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
def test_a_target_beyond_the_ceiling_on_gross_ends_at_the_ceiling_and_says_so(spec: SizingSpec) -> None:
    target = VolatilityTarget(yearly=Decimal(5), max_gross=Decimal("0.5"))

    made = weights_of(spec, target, predicting(**BOTH))

    assert sum(map(abs, made.weights.values())) == pytest.approx(Decimal("0.5"), abs=Decimal("1e-9"))
    assert sum(map(abs, made.weights.values())) <= Decimal("0.5")
    assert {made.bounds[symbol] for symbol, each in made.weights.items() if each} == {"gross"}


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
def test_weights_depend_neither_on_the_order_of_symbols_nor_on_what_prices_are_multiplied_by(spec: SizingSpec) -> None:
    inputs = predicting(**BOTH)
    made = weights_of(spec, None, inputs)

    turned = History(HISTORY.sessions, dict(reversed(HISTORY.closes.items())))
    assert weights_of(spec, None, replace(inputs, history=turned)) == made
    larger = History(
        HISTORY.sessions,
        {
            symbol: tuple(close and close * Decimal("8.5") for close in closes)
            for symbol, closes in HISTORY.closes.items()
        },
    )
    assert floats(weights_of(spec, None, replace(inputs, history=larger))) == pytest.approx(floats(made), abs=1e-10)


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
@pytest.mark.parametrize(
    "signals",
    [{"AAPL": "1"}, {"AAPL": "-1"}, LONG, dict.fromkeys(SYMBOLS, "-0.1"), {}],
    ids=["one", "one short", "longs", "shorts", "none"],
)
def test_one_name_one_side_or_none_are_sized_like_any(spec: SizingSpec, signals: dict[str, str]) -> None:
    made = weights_of(spec, VolatilityTarget(yearly=Decimal("0.1")), predicting(**signals))

    assert made.weights.keys() == signals.keys()
    assert all(each * Decimal(signals[symbol]) >= 0 for symbol, each in made.weights.items())


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
def test_two_identical_symbols_are_sized_alike(spec: SizingSpec) -> None:
    twins = history_of({"AAPL": RETURNS["AAPL"], "MSFT": RETURNS["AAPL"], "XOM": RETURNS["XOM"]})

    made = weights_of(spec, None, predicting(twins, AAPL="0.3", MSFT="0.3", XOM="0.3"))

    assert made.weights["AAPL"] == pytest.approx(made.weights["MSFT"], abs=Decimal("1e-9"))


@pytest.mark.parametrize("spec", MODELS, ids=lambda spec: spec.word)
def test_more_names_than_sessions_make_a_singular_covariance_and_a_plan(spec: SizingSpec) -> None:
    symbols = [f"S{number:03}" for number in range(120)]
    history = history_of(random_returns(symbols, count=30))

    made = weights_of(
        spec, VolatilityTarget(yearly=Decimal("0.1")), predicting(history, **dict.fromkeys(symbols, "0.01"))
    )

    assert made.weights.keys() == set(symbols)
    assert any(made.weights.values())


@given(st.lists(st.floats(-3, 3), min_size=6, max_size=6), st.sampled_from(MODELS), st.sampled_from(["0.3", "1"]))
@settings(deadline=None, max_examples=40)
def test_no_ceiling_is_ever_exceeded(weights: list[float], spec: SizingSpec, ceiling: str) -> None:
    if spec.word == "target_weight":
        return
    signals = {
        symbol: str(max(min(each, 1), -1)) for symbol, each in zip(SYMBOLS, weights, strict=True) if abs(each) > 0.01
    }
    limited = spec.model_copy(update={"long_gross": Decimal(ceiling), "short_gross": Decimal(ceiling)})

    for target in (None, VolatilityTarget(yearly=Decimal("0.4"), max_gross=Decimal("1.5"))):
        made = weights_of(limited, target, predicting(**signals)).weights.values()
        assert sum(each for each in made if each > 0) <= Decimal(ceiling)
        assert -sum(each for each in made if each < 0) <= Decimal(ceiling)
