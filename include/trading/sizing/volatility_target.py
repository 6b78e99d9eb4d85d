"""Scales any model's weights so that the portfolio's expected volatility is what was asked for.

Sources: R. Carver, "Systematic Trading" (2015), chapter 9; A. Moreira, T. Muir, "Volatility-managed portfolios" (2017).
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.estimators import SESSIONS_A_YEAR
from include.trading.sizing.inputs import Bound, Rooms, SizingInputs, Weights, weight_of
from include.trading.strategy.sizing_spec import VolatilityTarget


def with_target(inputs: SizingInputs, model: Weights, spec: VolatilityTarget, room: Rooms | None) -> Weights:
    """Return the weights, all multiplied by one number.

    room: what the model's own ceilings leave to each side; None where it has none. A name without a usable history
    counts with the median variance; without any history nothing is sized.
    """
    symbols = tuple(symbol for symbol in inputs.symbols if model.weights.get(symbol))
    if not symbols:
        return model
    found = covariance_of(inputs.history, symbols, spec.history, "median")
    if found.unsized:
        held = {symbol: weight for symbol, weight in model.weights.items() if symbol not in found.unsized}
        return Weights(held, model.bounds, {**model.unsized, **found.unsized})
    weights = np.array([float(model.weights[symbol]) for symbol in found.symbols])
    yearly = float(np.sqrt(SESSIONS_A_YEAR * (weights @ found.matrix @ weights)))
    factor, bound = ceiling(weights.tolist(), inputs, model, spec, room)
    if yearly > 0 and float(spec.yearly) / yearly <= factor:
        factor, bound = float(spec.yearly) / yearly, "volatility_target"
    scaled = {symbol: weight_of(float(weight) * factor) for symbol, weight in model.weights.items()}
    return Weights(scaled, {**model.bounds, **dict.fromkeys(symbols, bound)}, model.unsized)


def ceiling(
    weights: list[float], inputs: SizingInputs, model: Weights, spec: VolatilityTarget, room: Rooms | None
) -> tuple[float, Bound]:
    """Return the most that the weights may be multiplied by: gross, and the longs' and the shorts' own ceiling."""
    staying = sum((abs(inputs.current.get(symbol, Decimal(0))) for symbol in model.unsized), Decimal(0))
    longs = sum(each for each in weights if each > 0)
    shorts = -sum(each for each in weights if each < 0)
    factors = [float(max(spec.max_gross - staying, Decimal(0))) / (longs + shorts)]
    if room is not None:
        factors += [float(room.of(side)) / each for side, each in ((1, longs), (-1, shorts)) if each > 0]
    return min(factors), "gross"
