"""The signal's own weight. Source: ADR-0006 section 2."""

from __future__ import annotations

from include.trading.sizing.inputs import SizingInputs, Weights
from include.trading.strategy.sizing_spec import TargetWeight


def weigh(inputs: SizingInputs, spec: TargetWeight) -> Weights:
    return Weights({name.symbol: name.weight for name in inputs.names})
