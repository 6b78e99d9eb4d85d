"""A strategy as a run or a plan keeps it: by this version, or with the keys of one before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from include.trading.strategy.old_keys import moved
from include.trading.strategy.spec import Strategy


def strategy_kept(parameters: Mapping[str, Any]) -> Strategy:
    """Return the strategy that a run's or a plan's parameters keep."""
    return Strategy.model_validate(settings_kept(parameters))


def settings_kept(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return its settings as they are written now, unread: enough where a task asks for one of them."""
    return moved(parameters["strategy"])


def venue_kept(parameters: Mapping[str, Any]) -> str:
    """Return the connection that the orders are sent to."""
    return str(settings_kept(parameters)["venue"])


def increases_wait(parameters: Mapping[str, Any]) -> bool:
    """Say whether increases wait until the plan's reductions are final."""
    return bool(settings_kept(parameters).get("orders", {}).get("reductions_first") == "always")
