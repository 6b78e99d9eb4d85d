"""Confidence: each name its side's sign times its confidence, scaled down only; the rest stays cash.

Source: QuantConnect LEAN, ConfidenceWeightedPortfolioConstructionModel.
"""

from __future__ import annotations

from decimal import Decimal

from include.trading.errors import InvalidData
from include.trading.numbers import number_or_none
from include.trading.sizing.inputs import Name, SizingInputs, Weights, rooms, within
from include.trading.strategy.sizing_spec import Confidence


def weigh(inputs: SizingInputs, spec: Confidence) -> Weights:
    weights = {name.symbol: name.side * _confidence(name) for name in inputs.names}
    return Weights(*within(weights, rooms(inputs, spec.long_gross, spec.short_gross, {})))


def _confidence(name: Name) -> Decimal:
    if name.confidence is None or not 0 <= name.confidence <= 1:
        raise InvalidData(
            f"sizing confidence: expected a confidence from 0 to 1 of each signal with a weight, found "
            f"{number_or_none(name.confidence)} of {name.symbol}; no plan is made: correct the "
            "source of the signals"
        )
    return name.confidence
