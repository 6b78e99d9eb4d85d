"""From signals to the weights that are planned, and to those that the strategy's shadows would have given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from include.trading.errors import InvalidData
from include.trading.models import Price, Signal
from include.trading.plan.assets import in_parts
from include.trading.plan.capital import targets_without_capital
from include.trading.plan.liquidity import NO_LIMIT, most_shares, without_volume
from include.trading.plan.plan import PlanInputs, ShadowSizing, ShadowTarget
from include.trading.plan.valuation import positions, valuation
from include.trading.sizing.inputs import Name, SizingInputs, Weights
from include.trading.sizing.models import sessions_needed, weights_of
from include.trading.sizing.shares import SizingLimits, Target, targets_of
from include.trading.strategy.sizing_spec import SizingSpec
from include.trading.text import one_line


class Sizing(NamedTuple):
    """signals: with the weights that are planned. targets: what they make in shares."""

    signals: tuple[Signal, ...]
    targets: dict[str, Target]


def sizing_of(inputs: PlanInputs) -> Sizing:
    """Size with the strategy's model. Raises InvalidData, so that no plan is made, where it finds no weights."""
    strategy = inputs.strategy
    if strategy.capital_or_none is None:
        return Sizing(inputs.signals, targets_without_capital(strategy, inputs.signals, positions(inputs)))
    if inputs.flatten:
        return Sizing(inputs.signals, _targets(inputs, inputs.signals, None))
    weights = weights_of(strategy.sizing, strategy.volatility_target, _sizing_inputs(inputs))
    signals = _with_weights(inputs.signals, weights)
    targets = _targets(inputs, signals, weights, most_shares(inputs, signals))
    return Sizing(signals, targets | _unsized(inputs, {**without_volume(inputs, targets), **weights.unsized}))


def shadows_of(inputs: PlanInputs, lack: str | None = None) -> tuple[ShadowSizing, ...]:
    """Return what the strategy's shadows would hold; one that finds no weights, or fails, says why and stops no plan.

    lack: why there are fewer closes than the shadows look at.
    """
    if inputs.flatten:
        return ()
    if inputs.strategy.capital_or_none is None:
        return tuple(ShadowSizing(spec.word, refused="the capital is not known") for spec in inputs.strategy.shadow)
    return tuple(_shadow(inputs, spec, lack) for spec in inputs.strategy.shadow)


def _shadow(inputs: PlanInputs, spec: SizingSpec, lack: str | None) -> ShadowSizing:
    there = 0 if inputs.history is None else len(inputs.history.sessions)
    if lack is not None and sessions_needed(spec, inputs.strategy.volatility_target) > there:
        return ShadowSizing(spec.word, refused=lack)
    try:
        return ShadowSizing(spec.word, _would_hold(inputs, spec))
    except InvalidData as error:
        return ShadowSizing(spec.word, refused=str(error))
    except Exception as error:  # noqa: BLE001 - nothing of it is traded, so whatever it is must not stop what is
        return ShadowSizing(spec.word, refused=f"it raised {type(error).__name__}: {one_line(str(error))[:200]}")


def _would_hold(inputs: PlanInputs, spec: SizingSpec) -> tuple[ShadowTarget, ...]:
    weights = weights_of(spec, inputs.strategy.volatility_target, _sizing_inputs(inputs))
    signals = _with_weights(inputs.signals, weights)
    targets = _targets(inputs, signals, weights) | _unsized(inputs, weights.unsized)
    return tuple(
        ShadowTarget(signal.symbol, signal.target_weight, target.quantity, target.bound)
        for signal in sorted(signals, key=lambda each: each.symbol)
        if (target := targets.get(signal.symbol)) is not None and target.stays is None
    )


def _sizing_inputs(inputs: PlanInputs) -> SizingInputs:
    names = tuple(
        Name(signal.symbol, signal.target_weight, signal.predicted_return, signal.confidence)
        for signal in sorted(inputs.signals, key=lambda signal: signal.symbol)
        if signal.target_weight
    )
    sides = {name.symbol: name.side for name in names}
    book, values = positions(inputs), valuation(inputs)
    capital = inputs.strategy.capital_usd
    current = {
        symbol: quantity * values[symbol] / capital
        for symbol, quantity in book.items()
        # What is held against its signal is closed, so it stays in no book.
        if symbol in values and quantity * sides.get(symbol, 0) > 0
    }
    return SizingInputs(names=names, history=inputs.history, current=current)


def _with_weights(signals: Sequence[Signal], weights: Weights) -> tuple[Signal, ...]:
    def planned(signal: Signal) -> Signal:
        weight = weights.weights.get(signal.symbol, signal.target_weight)
        return signal if weight == signal.target_weight else signal.model_copy(update={"target_weight": weight})

    return tuple(map(planned, signals))


def _targets(
    inputs: PlanInputs, signals: Sequence[Signal], weights: Weights | None, most: Mapping[str, Decimal] = NO_LIMIT
) -> dict[str, Target]:
    strategy = inputs.strategy
    prices = {symbol: price for symbol, price in inputs.prices.items() if isinstance(price, Price)}
    parts = frozenset(signal.symbol for signal in signals if in_parts(signal.symbol, inputs))
    limits = SizingLimits(max_position_size=strategy.max_position_usd, in_parts=parts, most_shares=dict(most))
    return targets_of(signals, prices, strategy.capital_usd, limits, {} if weights is None else weights.bounds)


def _unsized(inputs: PlanInputs, reasons: Mapping[str, str]) -> dict[str, Target]:
    """Return the targets of names that could not be sized: what is held stays, but against the signal's side none."""
    sides = {signal.symbol: signal.target_weight for signal in inputs.signals}
    book = positions(inputs)
    return {
        symbol: Target(symbol, Decimal(0), stays=None if book.get(symbol, Decimal(0)) * sides[symbol] < 0 else reason)
        for symbol, reason in reasons.items()
    }
