"""A history that is too short, has gaps, never moves or has a split in it: each has a rule, and says so."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.inputs import History, SizingInputs
from include.trading.sizing.models import weights_of
from include.trading.sizing.returns import returns_of
from include.trading.strategy.sizing_spec import InverseVolatility, RiskParity, SizingSpec, VolatilityTarget
from tests.support.sizing import closes_of, days, history_of, names, random_returns, sizing

RETURNS = random_returns(("AAPL", "MSFT", "XOM"), count=99)
HISTORY = history_of(RETURNS)
OTHERS = {symbol: HISTORY.closes[symbol] for symbol in ("MSFT", "XOM")}
WHOLE = HISTORY.closes["AAPL"]


def with_aapl(closes: Any) -> History:
    return History(HISTORY.sessions, {**OTHERS, "AAPL": closes})


UNUSABLE = {
    "three days": ((None,) * 97 + WHOLE[97:], "it has closes of 3 of 100 sessions, the first of 2025-04-08"),
    "gaps": (
        tuple(None if n % 10 == 5 else close for n, close in enumerate(WHOLE)),
        "it has closes of 90 of 100 sessions",
    ),
    "nothing": ((None,) * 100, "it has closes of 0 of 100 sessions"),
    "all the same": ((Decimal(5),) * 100, "its closes of 100 sessions are all the same"),
    "a split": (
        (*(close * 2 for close in WHOLE[:50] if close), *WHOLE[50:]),
        "its close of 2025-02-20 is ",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_name_without_a_usable_history_is_not_sized_and_says_why(case: str) -> None:
    closes, why = UNUSABLE[case]

    made = weights_of(RiskParity(), None, sizing(with_aapl(closes), AAPL="0.1", MSFT="0.1", XOM="-0.1"))

    assert made.weights.keys() == {"MSFT", "XOM"}
    assert made.unsized.keys() == {"AAPL"}
    assert made.unsized["AAPL"].startswith(why)


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("spec", [RiskParity(short_history="median"), InverseVolatility(short_history="median")])
def test_with_median_it_counts_as_the_median_name(case: str, spec: SizingSpec) -> None:
    made = weights_of(spec, None, sizing(with_aapl(UNUSABLE[case][0]), AAPL="0.1", MSFT="0.1", XOM="0.1"))

    assert made.unsized == {}
    # It moves with all others, so risk parity gives it a little less than inverse volatility does.
    assert Decimal("0.2") < made.weights["AAPL"] < max(made.weights.values())


def test_no_history_at_all_sizes_nothing_whatever_the_rule() -> None:
    for spec in (RiskParity(short_history="median"), InverseVolatility(short_history="median"), RiskParity()):
        made = weights_of(spec, None, sizing(None, AAPL="0.1", MSFT="0.1"))
        assert (made.weights, made.unsized.keys()) == ({}, {"AAPL", "MSFT"})


def test_a_volatility_target_sizes_nothing_without_any_history_and_counts_a_short_one_as_the_median() -> None:
    target = VolatilityTarget(yearly=Decimal("0.1"))
    spec = RiskParity(short_history="median")

    assert weights_of(spec, target, sizing(None, AAPL="0.1")).weights == {}
    short = sizing(with_aapl(UNUSABLE["three days"][0]), AAPL="0.1", MSFT="0.1", XOM="0.1")
    assert weights_of(spec, target, short).weights.keys() == {"AAPL", "MSFT", "XOM"}


def test_a_few_missing_closes_are_those_before_them() -> None:
    gappy = tuple(None if place in (0, 40, 99) else close for place, close in enumerate(WHOLE))

    found = returns_of(with_aapl(gappy), ("AAPL",))

    returns = found.matrix[:, 0]
    assert (returns[0], returns[39], returns[98]) == (0, 0, 0)
    assert returns[40] == pytest.approx((1 + RETURNS["AAPL"][39]) * (1 + RETURNS["AAPL"][40]) - 1)


def test_only_the_newest_sessions_that_a_model_asks_for_count() -> None:
    longer = history_of(random_returns(("AAPL", "MSFT"), count=200))

    made = weights_of(RiskParity(history=50), None, sizing(longer, AAPL="0.1", MSFT="0.1"))

    assert made == weights_of(RiskParity(), None, sizing(longer.last(50), AAPL="0.1", MSFT="0.1"))


def test_what_stays_of_a_name_that_is_not_sized_counts_in_its_book() -> None:
    history = with_aapl((None,) * 100)
    inputs = SizingInputs(names(AAPL="0.1", MSFT="0.1", XOM="-0.1"), history, {"AAPL": Decimal("0.3")})

    made = weights_of(RiskParity(), None, inputs)

    assert made.weights["MSFT"] == pytest.approx(Decimal("0.7"), abs=Decimal("1e-9"))
    assert made.weights["XOM"] == pytest.approx(Decimal(-1), abs=Decimal("1e-9"))


@pytest.mark.parametrize("short", [1, 5])
def test_names_that_count_as_the_median_leave_a_covariance_positive(short: int) -> None:
    opposite = [0.01, -0.01] * 40
    symbols = {"A": opposite, "B": [-each for each in opposite], "C": [0.02, 0.01, -0.02, -0.01] * 20}
    history = History(days(81), {symbol: closes_of(each) for symbol, each in symbols.items()})

    found = covariance_of(history, (*symbols, *(f"S{n}" for n in range(short))), 252, "median")

    assert len(found.symbols) == 3 + short
    assert np.linalg.eigvalsh(found.matrix).min() > -1e-12
