"""Equal weights: each side's gross, shared equally by the names of that side.

Source: V. DeMiguel, L. Garlappi, R. Uppal, "Optimal versus naive diversification" (2009).
"""

from __future__ import annotations

from decimal import Decimal

from include.trading.sizing.inputs import SizingInputs, Weights, rooms
from include.trading.sizing.scaling import scaled_to
from include.trading.strategy.sizing_spec import EqualWeight


def weigh(inputs: SizingInputs, spec: EqualWeight) -> Weights:
    shares = {name.symbol: Decimal(name.side) for name in inputs.names}
    return Weights(scaled_to(rooms(inputs, spec.long_gross, spec.short_gross, {}), shares))
