"""Sizing by a function of the strategy's own: it answers weights, and what it answers is checked whole."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any, Final

from include.trading.bounds import TARGET_WEIGHT
from include.trading.errors import InvalidData
from include.trading.models import Price
from include.trading.numbers import amount
from include.trading.plan.plan import PlanInputs
from include.trading.sizing.shares import SizingLimits
from include.trading.strategy.sizing_spec import OwnSizing
from include.trading.text import one_line
from include.trading.validation import shown

# Functions compute in floats: eleven times one eleventh is a little above 1.
_ROUNDING: Final = Decimal("1e-9")


def own_weights(inputs: PlanInputs) -> PlanInputs:
    """Return the inputs with the weights that the strategy's own function gives; as they are where it has none.

    Without a capital it is not asked: nothing that has a signal is sized then.

    Raises InvalidData, so that no plan is made, when the function raises or answers anything but a finite weight for
    each signal, within max_position_size and max_gross_weight.
    """
    strategy = inputs.strategy
    if inputs.flatten or not isinstance(strategy.sizing, OwnSizing) or strategy.capital_or_none is None:
        return inputs
    name = strategy.sizing.function
    if inputs.own.sizing is None:
        raise TypeError(f"sizing {name} was not imported before the plan was made")
    prices = {symbol: price for symbol, price in inputs.prices.items() if isinstance(price, Price)}
    limits = SizingLimits(max_position_size=strategy.max_position_usd)
    try:
        answer = inputs.own.sizing(inputs.signals, prices, strategy.capital_usd, limits)
    except Exception as error:
        raise _refused(name, "weights", f"{type(error).__name__}: {one_line(str(error))[:200]}") from error
    weights = _checked(name, answer, inputs)
    signals = tuple(signal.model_copy(update={"target_weight": weights[signal.symbol]}) for signal in inputs.signals)
    return inputs.model_copy(update={"signals": signals})


def _checked(name: str, answer: Any, inputs: PlanInputs) -> dict[str, Decimal]:
    if not isinstance(answer, Mapping):
        raise _refused(name, "a dict with the weight of each symbol", shown(answer))
    symbols = {signal.symbol for signal in inputs.signals}
    if unknown := [symbol for symbol in answer if symbol not in symbols]:
        raise _refused(name, "symbols that have a signal", ", ".join(map(shown, unknown[:5])))
    if missing := sorted(symbols - answer.keys()):
        raise _refused(name, "a weight for each signal, 0 to hold nothing", f"none for {', '.join(missing[:5])}")
    weights = {symbol: _number(name, symbol, weight) for symbol, weight in answer.items()}
    strategy = inputs.strategy
    most = strategy.max_position_usd
    for symbol, weight in sorted(weights.items()):
        if abs(weight) * strategy.capital_usd > most * (1 + _ROUNDING):
            raise _refused(
                name,
                f"at most max_position_size, {amount(most)} USD, of each symbol",
                f"a weight of {amount(weight)} for {symbol}, {amount(weight * strategy.capital_usd)} USD",
            )
    gross = sum(map(abs, weights.values()), Decimal(0))
    if gross > strategy.max_gross_weight + _ROUNDING:
        raise _refused(
            name,
            f"|weights| that add up to at most {amount(strategy.max_gross_weight)} (max_gross_weight)",
            f"{amount(gross)}",
        )
    return weights


def _number(name: str, symbol: str, weight: Any) -> Decimal:
    if isinstance(weight, bool) or not isinstance(weight, Decimal | Real):
        raise _refused(name, f"a number as the weight of {symbol}", shown(weight))
    try:
        number = Decimal(weight) if isinstance(weight, Decimal | int) else Decimal(str(float(weight)))
    except OverflowError:
        raise _refused(name, f"a finite weight for {symbol}", shown(weight)) from None
    if not number.is_finite() or not TARGET_WEIGHT.holds(number):
        raise _refused(name, f"a finite weight for {symbol}", shown(number))
    return TARGET_WEIGHT.rounded(number) if number else Decimal(0)


def _refused(name: str, expected: str, found: str) -> InvalidData:
    return InvalidData(f"sizing {name}: expected {expected}, found {found}; no plan is made: correct the function")
