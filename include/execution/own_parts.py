"""Imports a strategy's own functions, for tasks and for `ops check`; reading the strategies file imports none."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from include.trading.errors import InvalidData
from include.trading.plan.own import OwnParts, OwnRule
from include.trading.strategy.sizing_spec import OwnSizing
from include.trading.strategy.spec import Strategy
from include.trading.text import one_line


def own_parts(strategy: Strategy, *, flatten: bool = False) -> OwnParts:
    """Return the strategy's own functions.

    A rule that cannot be imported denies every increase. Without its sizing no plan is made: that raises InvalidData,
    but not for a run that flattens, which needs none.
    """
    sizing = None
    if isinstance(strategy.sizing, OwnSizing) and not flatten:
        sizing = function_named(strategy.sizing.function)
    return OwnParts(sizing, tuple(map(_rule, strategy.rules)))


def function_named(name: str) -> Callable[..., Any]:
    """Import a function by `module.name:function`. Raises InvalidData with the reason when that fails."""
    module, _, function = name.partition(":")
    step = "correct it, or put its folder on the PYTHONPATH of every worker"
    try:
        found = getattr(import_module(module), function)
    except Exception as error:
        why = f"{type(error).__name__}: {one_line(str(error))[:200]}"
        raise InvalidData(f"{name}: expected a function to import, found {why}; {step}") from error
    if not callable(found):
        raise InvalidData(f"{name}: expected a function, found {type(found).__name__}; {step}")
    called: Callable[..., Any] = found
    return called


def _rule(name: str) -> OwnRule:
    try:
        return OwnRule(name, function_named(name))
    except InvalidData as error:
        return OwnRule(name, None, str(error))
