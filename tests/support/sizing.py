"""Builders for sizing tests: histories of chosen returns, names, and the numbers of a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from include.trading.sizing.inputs import History, Name, SizingInputs, Weights

FIRST = date(2025, 1, 1)


def days(count: int) -> tuple[date, ...]:
    return tuple(FIRST + timedelta(days=number) for number in range(count))


def closes_of(returns: Sequence[float], start: float = 100.0) -> tuple[Decimal, ...]:
    """Closes that have exactly these returns, but for the digits of a Decimal."""
    prices = start * np.cumprod(np.concatenate([[1.0], 1 + np.asarray(returns)]))
    return tuple(Decimal(repr(float(price))) for price in prices)


def history_of(returns: Mapping[str, Sequence[float]]) -> History:
    count = len(next(iter(returns.values()))) + 1
    return History(days(count), {symbol: closes_of(each) for symbol, each in returns.items()})


def random_returns(symbols: Sequence[str], count: int = 120, seed: int = 7) -> dict[str, npt.NDArray[np.float64]]:
    """Returns with a common part, and a volatility that differs by symbol."""
    made = np.random.default_rng(seed)
    market = made.normal(size=count) * 0.008
    scales = made.uniform(0.005, 0.03, size=len(symbols))
    return {symbol: market + made.normal(size=count) * scale for symbol, scale in zip(symbols, scales, strict=True)}


def names(**weights: str) -> tuple[Name, ...]:
    return tuple(Name(symbol, Decimal(weight)) for symbol, weight in sorted(weights.items()))


def sizing(history: History | None, **weights: str) -> SizingInputs:
    return SizingInputs(names(**weights), history)


def floats(weights: Weights) -> dict[str, float]:
    return {symbol: float(weight) for symbol, weight in weights.weights.items()}
