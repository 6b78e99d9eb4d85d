"""Volatilities and covariances of daily returns, by NumPy alone. All are per session, not per year.

Sources: RiskMetrics Technical Document (1996) for the exponential weights; O. Ledoit and M. Wolf, "A well-conditioned
estimator for large-dimensional covariance matrices" (2004), in the form that scikit-learn computes it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from include.trading.sizing.returns import Array

SESSIONS_A_YEAR: Final = 252


def sample_volatility(returns: Array, yearly_floor: float = 0.0) -> Array:
    """Return the standard deviation of each column, at least the floor."""
    return _floored(np.std(returns, axis=0, ddof=1), yearly_floor)


def ewma_volatility(returns: Array, span: int, yearly_floor: float = 0.0) -> Array:
    """Return the root of the exponentially weighted mean of squares: a span of 35 weighs the newest with 2/36."""
    ages = np.arange(len(returns))[::-1]
    weights = (1 - 2 / (span + 1)) ** ages
    variances: Array = (weights / weights.sum()) @ returns**2
    return _floored(np.sqrt(variances), yearly_floor)


def ledoit_wolf(returns: Array) -> tuple[Array, float]:
    """Return the sample covariance shrunk towards equal variances without correlation, and by how much of 1."""
    count, names = returns.shape
    centred = returns - returns.mean(axis=0)
    sample: Array = centred.T @ centred / count
    level = float(np.trace(sample)) / names
    squares = centred**2
    spread = float((sample**2).sum())
    noise = (float((squares.T @ squares).sum()) / count - spread) / (names * count)
    distance = (spread - 2 * level * float(np.trace(sample)) + names * level**2) / names
    noise = min(noise, distance)
    shrinkage = 0.0 if noise <= 0 else noise / distance
    shrunk = (1 - shrinkage) * sample
    shrunk[np.diag_indices(names)] += shrinkage * level
    return shrunk, shrinkage


def _floored(volatilities: Array, yearly_floor: float) -> Array:
    floored: Array = np.maximum(volatilities, yearly_floor / np.sqrt(SESSIONS_A_YEAR))
    return floored
