"""The pages on the models: every number of their worked examples is what the model computes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter

from include.launcher.paths import ROOT
from include.trading.models import Price
from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.estimators import SESSIONS_A_YEAR, sample_volatility
from include.trading.sizing.inputs import History, Name, SizingInputs, Weights
from include.trading.sizing.kelly import kelly_weights
from include.trading.sizing.models import weights_of
from include.trading.sizing.returns import Array, returns_of
from include.trading.sizing.shares import SizingLimits, targets_of
from include.trading.strategy.sizing_spec import Model, Sizing, SizingSpec, VolatilityTarget
from tests.support.planning import prices, signals

FOLDER = ROOT / "docs" / "sizing"
WORDS = (*(model.word for model in get_args(Model)), "volatility_target")
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Example(NamedTuple):
    """rows: the table's, by what stands in the first column."""

    spec: SizingSpec
    target: VolatilityTarget | None
    symbols: tuple[str, ...]
    rows: dict[str, tuple[str, ...]]

    @property
    def inputs(self) -> SizingInputs:
        days = tuple(day for day in self.rows if DAY.fullmatch(day))
        closes = {symbol: tuple(Decimal(self.rows[day][n]) for day in days) for n, symbol in enumerate(self.symbols)}
        names = tuple(
            Name(symbol, Decimal(weight), predicted, confidence)
            for symbol, weight, predicted, confidence in zip(
                self.symbols,
                self.rows["signal"],
                self.numbers("predicted_return"),
                self.numbers("confidence"),
                strict=True,
            )
        )
        return SizingInputs(names, History(tuple(map(date.fromisoformat, days)), closes))

    @property
    def weights(self) -> Weights:
        return weights_of(self.spec, self.target, self.inputs)

    @property
    def covariance(self) -> Array:
        return covariance_of(self.inputs.history, self.symbols, SESSIONS_A_YEAR, "skip").matrix

    def numbers(self, row: str) -> tuple[Decimal | None, ...]:
        return tuple(map(Decimal, self.rows[row])) if row in self.rows else (None,) * len(self.symbols)


def page(word: str) -> str:
    return (FOLDER / f"{word}.md").read_text()


def example(word: str) -> Example:
    text = page(word)
    found = FENCE.search(text)
    assert found is not None
    keys: dict[str, Any] = yaml.safe_load(found[1])
    lines = [line for line in text[found.end() :].splitlines() if line.startswith("| ")]
    head, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    target = keys.get("volatility_target")
    return Example(
        TypeAdapter(Sizing).validate_python(keys["sizing"]),
        None if target is None else VolatilityTarget.model_validate(target),
        tuple(head[1:]),
        {first: tuple(others) for first, *others in rows},
    )


def shown(numbers: Sequence[Any]) -> tuple[str, ...]:
    return tuple(f"{number:.4f}" for number in numbers)


def risk_parts(weights: Sequence[float], covariance: Array) -> list[float]:
    numbers = np.array(weights)
    parts: list[float] = (numbers * (covariance @ numbers) / (numbers @ covariance @ numbers)).tolist()
    return parts


def test_every_model_has_a_page_that_the_overview_links() -> None:
    overview = page("README")

    assert {path.stem for path in FOLDER.glob("*.md")} == {*WORDS, "README"}
    assert [word for word in WORDS if f"({word}.md)" not in overview] == []


@pytest.mark.parametrize("word", WORDS)
def test_the_weights_of_a_worked_example_are_what_its_five_closes_make(word: str) -> None:
    found = example(word)
    made = found.weights

    assert word in (found.spec.word, "volatility_target")
    assert len(found.inputs.history.sessions if found.inputs.history else ()) == 5
    assert found.rows["weight"] == shown([made.weights[symbol] for symbol in found.symbols])
    bounds = tuple(made.bounds.get(symbol, "none") for symbol in found.symbols)
    assert found.rows.get("bound", ("none",) * len(bounds)) == bounds


def test_the_shares_of_the_example_are_those_of_a_capital_of_100_000_at_the_last_close() -> None:
    found = example("target_weight")
    last = dict(zip(found.symbols, found.rows["2022-03-02"], strict=True))
    weights = dict(zip(found.symbols, found.rows["signal"], strict=True))
    at: dict[str, Price | str] = prices(**last)
    capital = Decimal(100_000)

    targets = targets_of(signals(**weights), at, capital, SizingLimits(max_position_size=capital), {})  # type: ignore[arg-type]

    assert found.rows["shares"] == tuple(str(targets[symbol].quantity) for symbol in found.symbols)
    assert f"{capital * Decimal(weights['JPM']) / Decimal(last['JPM']):.2f} shares" in page("target_weight")


def test_the_volatilities_of_the_example_are_those_of_the_closes() -> None:
    found = example("inverse_volatility")
    yearly = sample_volatility(returns_of(found.inputs.history, found.symbols).matrix) * np.sqrt(SESSIONS_A_YEAR)

    assert found.rows["volatility a year"] == shown(yearly.tolist())
    assert f"{yearly[1] / yearly[0]:.1f} times" in page("inverse_volatility")


def test_the_parts_of_the_risk_are_those_of_the_weights() -> None:
    found = example("risk_parity")
    longs = found.covariance[:2, :2]

    made = [float(found.weights.weights[symbol]) for symbol in found.symbols[:2]]
    assert found.rows["part of its side's risk"] == shown([*risk_parts(made, longs), 1])
    equal = risk_parts([0.5, 0.5], longs)
    assert found.rows["with equal weights"] == shown([*equal, 1])
    assert f"{100 * equal[1]:.0f} %" in page("risk_parity")


def test_the_weights_before_the_ceilings_are_the_fraction_of_the_growth_optimal_ones() -> None:
    found = example("kelly")
    means = np.array([float(each or 0) / 20 for each in found.numbers("predicted_return")])

    assert found.rows["before the ceilings"] == shown(kelly_weights(found.covariance, means, 0.25).tolist())


def test_the_volatility_before_the_target_is_that_of_the_signals_weights() -> None:
    found = example("volatility_target")
    weights = np.array([float(each or 0) for each in found.numbers("signal")])

    yearly = np.sqrt(SESSIONS_A_YEAR * (weights @ found.covariance @ weights))
    assert f"{100 * yearly:.1f} % a year" in page("volatility_target")
