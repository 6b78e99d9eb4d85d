"""Daily returns of the names that have a whole enough history, and why the others have none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from include.trading.sizing.inputs import History

Array = npt.NDArray[np.float64]

# Of the sessions asked for: a day without a trade is no reason to leave a name out, a listing last week is.
MOST_MISSING: Final = 0.05
# From one close to the next. A move that large is almost always a split that the closes are not adjusted for.
LARGEST_FACTOR: Final = 1.8


class Returns(NamedTuple):
    """matrix: a row a session, a column a symbol. without: why a name has no usable history."""

    symbols: tuple[str, ...]
    matrix: Array
    without: dict[str, str]


def returns_of(history: History | None, symbols: Iterable[str]) -> Returns:
    """Return simple daily returns; a close that is missing is the one before it, at the start the first."""
    used: list[str] = []
    columns: list[Array] = []
    without: dict[str, str] = {}
    for symbol in symbols:
        closes = None if history is None else history.closes.get(symbol)
        if history is None or closes is None:
            without[symbol] = "there are no closes of it"
            continue
        found = _returns(closes, history.sessions)
        if isinstance(found, str):
            without[symbol] = found
        else:
            used.append(symbol)
            columns.append(found)
    matrix = np.column_stack(columns) if columns else np.empty((0, 0))
    return Returns(tuple(used), matrix, without)


def _returns(closes: Sequence[Decimal | None], sessions: Sequence[date]) -> Array | str:
    count = len(sessions)
    prices = np.array([np.nan if close is None else float(close) for close in closes])
    known = np.flatnonzero(~np.isnan(prices))
    if len(known) < max((1 - MOST_MISSING) * count, 3):
        first = "" if not len(known) or known[0] == 0 else f", the first of {sessions[known[0]]}"
        return f"it has closes of {len(known)} of {count} sessions{first}"
    filled = prices[known[np.maximum(np.searchsorted(known, np.arange(count), side="right") - 1, 0)]]
    factors = filled[1:] / filled[:-1]
    jumps = np.flatnonzero((factors >= LARGEST_FACTOR) | (factors <= 1 / LARGEST_FACTOR))
    if len(jumps):
        day, factor = sessions[int(jumps[0]) + 1], factors[jumps[0]]
        return f"its close of {day} is {factor:.3g} times the one before, like a split that is not adjusted for"
    found: Array = factors - 1
    if np.ptp(filled) == 0:
        return f"its closes of {count} sessions are all the same"
    return found
