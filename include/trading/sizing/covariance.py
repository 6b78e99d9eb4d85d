"""The covariance that models share, with the rule for names whose history is too short."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from include.trading.sizing.estimators import ledoit_wolf
from include.trading.sizing.inputs import History
from include.trading.sizing.returns import Array, returns_of

ShortHistory = Literal["skip", "median"]


class Covariance(NamedTuple):
    """symbols: of rows and columns. unsized: the names that are in neither, and why."""

    symbols: tuple[str, ...]
    matrix: Array
    unsized: dict[str, str]


def covariance_of(
    history: History | None, symbols: tuple[str, ...], sessions: int, short_history: ShortHistory
) -> Covariance:
    """Return the shrunk covariance of daily returns.

    median: a name without a usable history moves as the average of the others, and has their median variance. Where
    no name has one, none can be sized.
    """
    found = returns_of(None if history is None else history.last(sessions), symbols)
    if not found.symbols:
        return Covariance((), np.empty((0, 0)), found.without)
    matrix, _ = ledoit_wolf(found.matrix)
    if short_history == "skip" or not found.without:
        return Covariance(found.symbols, matrix, found.without)
    return Covariance((*found.symbols, *found.without), _with_averages(matrix, len(found.without)), {})


def _with_averages(matrix: Array, more: int) -> Array:
    """Add names that move as the average of all and have the median variance, part of it their own."""
    count = len(matrix)
    with_each = matrix.mean(axis=0)
    of_average = float(with_each.mean())
    larger = np.full((count + more, count + more), of_average)
    larger[:count, :count] = matrix
    larger[:count, count:] = with_each[:, None]
    larger[count:, :count] = with_each
    # Never below the average's own variance: otherwise it would be no covariance.
    own = max(float(np.median(np.diag(matrix))), of_average)
    larger[range(count, count + more), range(count, count + more)] = own
    return larger
