"""The sizing models by their word, each in a file of its own. NumPy is loaded only for the models that need it."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from include.trading.sizing.inputs import SizingInputs, Weights, rooms
from include.trading.strategy.sizing_spec import SizingSpec, VolatilityTarget

# The weights of a function of the strategy's own are the signals' already (include/trading/plan/own_sizing.py).
_MODULES: Final = {"own": "target_weight"}


def sessions_needed(spec: SizingSpec, target: VolatilityTarget | None) -> int:
    """Return how many sessions of closes the model and the volatility target look at; 0 for none."""
    return max(spec.sessions_needed, 0 if target is None else target.history)


def weights_of(spec: SizingSpec, target: VolatilityTarget | None, inputs: SizingInputs) -> Weights:
    """Return the model's weights, scaled to the volatility target where there is one.

    Raises InvalidData where there are none to be found; no plan may be made then.
    """
    module = import_module(f"include.trading.sizing.{_MODULES.get(spec.word, spec.word)}")
    weights: Weights = module.weigh(inputs, spec)
    if target is None:
        return weights
    from include.trading.sizing.volatility_target import with_target

    longs, shorts = getattr(spec, "long_gross", None), getattr(spec, "short_gross", None)
    room = None if longs is None or shorts is None else rooms(inputs, longs, shorts, weights.unsized)
    return with_target(inputs, weights, target, room)
