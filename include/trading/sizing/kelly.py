"""Fractional Kelly: f Σ⁻¹ μ, with μ from the signals alone.

Sources: E. Thorp, "The Kelly criterion in blackjack, sports betting, and the stock market" (2006); J. Kelly, "A new
interpretation of information rate" (1956).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from include.trading.errors import InvalidData
from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.inputs import Bound, Name, SizingInputs, Weights, rooms, weight_of, within
from include.trading.sizing.returns import Array
from include.trading.strategy.sizing_spec import Kelly

# As multiples of the capital: beyond, a weight is an error and no wish.
_MOST: Final = 1e6


def weigh(inputs: SizingInputs, spec: Kelly) -> Weights:
    expected = {name.symbol: _expected(name, spec) for name in inputs.names}
    found = covariance_of(inputs.history, inputs.symbols, spec.history, spec.short_history)
    if not found.symbols:
        return Weights({}, unsized=found.unsized)
    means = np.array([expected[symbol] for symbol in found.symbols])
    sides = {name.symbol: name.side for name in inputs.names}
    wanted = dict(zip(found.symbols, kelly_weights(found.matrix, means, float(spec.fraction)).tolist(), strict=True))
    weights: dict[str, Decimal] = {}
    bounds: dict[str, Bound] = {}
    for symbol, each in wanted.items():
        weights[symbol] = weight_of(each) if each * sides[symbol] > 0 else Decimal(0)
        if each * sides[symbol] < 0:
            bounds[symbol] = "side_conflict"
    smaller, bound_by_gross = within(weights, rooms(inputs, spec.long_gross, spec.short_gross, found.unsized))
    return Weights(smaller, bounds | bound_by_gross, found.unsized)


def kelly_weights(covariance: Array, means: Array, fraction: float) -> Array:
    """Return the growth-optimal weights times the fraction. covariance, means: of one and the same period.

    Raises InvalidData where a portfolio of the names would have no risk at all, and for means that are no returns.
    """
    try:
        weights = np.asarray(fraction * np.linalg.solve(covariance, means), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise _without_risk(len(means)) from error
    if not np.isfinite(weights).all():
        raise _without_risk(len(means))
    if float(np.abs(weights).max(initial=0)) >= _MOST:
        raise _no_returns(means) if float(np.abs(means).max()) >= 1 else _without_risk(len(means))
    return weights


def _expected(name: Name, spec: Kelly) -> float:
    """Return the return expected of one session."""
    if name.predicted_return is None:
        raise InvalidData(
            f"sizing kelly: expected a predicted return of each signal with a weight, found none of {name.symbol}; "
            "no plan is made: correct the source of the signals, or use another sizing"
        )
    return float(name.predicted_return * (1 if spec.scale is None else spec.scale) / spec.horizon)


def _no_returns(means: Array) -> InvalidData:
    return InvalidData(
        "sizing kelly: expected predicted returns that are fractions of the price, found one that makes "
        f"{float(np.abs(means).max()):.3g} of it in every session; no plan is made: correct `scale`, `horizon` or the "
        "source of the signals"
    )


def _without_risk(count: int) -> InvalidData:
    return InvalidData(
        f"sizing kelly: expected a covariance that can be inverted, found that some of the {count} names hedge each "
        "other completely, so that a portfolio of them would have no risk; no plan is made: take one of them out, or "
        "use another sizing"
    )
