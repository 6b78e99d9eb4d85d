"""Risk parity: within each side, every name contributes the same risk, or its share of the budgets.

Sources: S. Maillard, T. Roncalli, J. Teiletche, "The properties of equally weighted risk contribution portfolios"
(2010); T. Griveau-Billion, J.-C. Richard, T. Roncalli, "A fast algorithm for computing high-dimensional risk parity
portfolios" (2013, arXiv 1311.4057) for the cyclical coordinate descent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import numpy as np

from include.trading.errors import InvalidData
from include.trading.sizing.covariance import covariance_of
from include.trading.sizing.inputs import SizingInputs, Weights, rooms
from include.trading.sizing.returns import Array
from include.trading.sizing.scaling import scaled_to
from include.trading.strategy.sizing_spec import RiskParity

_EXACT: Final = 1e-12
_MOST_SWEEPS: Final = 1000


def weigh(inputs: SizingInputs, spec: RiskParity) -> Weights:
    found = covariance_of(inputs.history, inputs.symbols, spec.history, spec.short_history)
    sides = {name.symbol: name.side for name in inputs.names}
    proportions: dict[str, Decimal] = {}
    for side in (1, -1):
        book = [place for place, symbol in enumerate(found.symbols) if sides[symbol] == side]
        if not book:
            continue
        symbols = [found.symbols[place] for place in book]
        budgets = np.array([float(spec.budgets.get(symbol, Decimal(1))) for symbol in symbols])
        weights = risk_budgets(found.matrix[np.ix_(book, book)], budgets / budgets.sum())
        proportions |= {
            symbol: Decimal(repr(side * each)) for symbol, each in zip(symbols, weights.tolist(), strict=True)
        }
    room = rooms(inputs, spec.long_gross, spec.short_gross, found.unsized)
    return Weights(scaled_to(room, proportions), unsized=found.unsized)


def risk_budgets(covariance: Array, budgets: Array) -> Array:
    """Return positive weights that add up to 1, of which each contributes its budget of the risk.

    Raises InvalidData where there are none to be found: the names hedge each other completely.
    """
    volatilities = np.sqrt(np.diag(covariance))
    # By correlations: variances that differ by powers of ten would slow it down.
    correlations = covariance / np.outer(volatilities, volatilities)
    risk = np.sqrt(budgets)
    with_all = correlations @ risk
    for _ in range(_MOST_SWEEPS):
        for place, budget in enumerate(budgets):
            others = with_all[place] - risk[place]
            changed = (np.sqrt(others * others + 4 * budget) - others) / 2
            with_all += correlations[:, place] * (changed - risk[place])
            risk[place] = changed
        # What was added up above has small errors of its own.
        with_all = correlations @ risk
        contributions = risk * with_all
        if float(np.abs(contributions / contributions.sum() - budgets).max()) < _EXACT:
            weights: Array = risk / volatilities
            weights /= weights.sum()
            return weights
    raise InvalidData(
        f"sizing risk_parity: expected weights after {_MOST_SWEEPS} rounds, found none, because some of the "
        f"{len(budgets)} names hedge each other completely; no plan is made: take one of them out, or use "
        "inverse_volatility"
    )
