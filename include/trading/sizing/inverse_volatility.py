"""Inverse volatility: within each side, weights in proportion to 1 / σ.

Source: R. Leote de Carvalho, X. Lu, P. Moulin, "Demystifying equity risk-based strategies" (2012), where it is called
equal risk budget.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from include.trading.sizing.estimators import ewma_volatility, sample_volatility
from include.trading.sizing.inputs import SizingInputs, Weights, rooms
from include.trading.sizing.returns import Array, returns_of
from include.trading.sizing.scaling import scaled_to
from include.trading.strategy.sizing_spec import EwmaVolatility, InverseVolatility


def weigh(inputs: SizingInputs, spec: InverseVolatility) -> Weights:
    history = None if inputs.history is None else inputs.history.last(spec.history)
    found = returns_of(history, inputs.symbols)
    unsized = found.without
    volatilities = dict(zip(found.symbols, _volatilities(found.matrix, spec).tolist(), strict=True))
    if spec.short_history == "median" and volatilities:
        median = float(np.median(list(volatilities.values())))
        volatilities |= dict.fromkeys(unsized, median)
        unsized = {}
    sides = {name.symbol: name.side for name in inputs.names}
    proportions = {symbol: Decimal(repr(sides[symbol] / each)) for symbol, each in volatilities.items()}
    return Weights(scaled_to(rooms(inputs, spec.long_gross, spec.short_gross, unsized), proportions), unsized=unsized)


def _volatilities(returns: Array, spec: InverseVolatility) -> Array:
    floor = float(spec.volatility_floor)
    if not returns.size:
        return np.empty(0)
    if isinstance(spec.volatility, EwmaVolatility):
        return ewma_volatility(returns, spec.volatility.span, floor)
    return sample_volatility(returns, floor)
