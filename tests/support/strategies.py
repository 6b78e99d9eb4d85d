"""Strategies for tests: one is changed by what a test wants different, in few words."""

from __future__ import annotations

from typing import Any

from include.trading.strategy.spec import Strategy


def made(settings: dict[str, Any], **changes: Any) -> Strategy:
    """Return the strategy of an entry with changes; top_n and bottom_n change what the service is asked for."""
    asked = {name: changes.pop(name) for name in ("top_n", "bottom_n") if name in changes}
    entry = settings | changes
    if asked:
        entry["signals"] = {"service": {**entry["signals"]["service"], **asked}}
    return Strategy.model_validate(entry)


def changed(strategy: Strategy, **changes: Any) -> Strategy:
    """Return the strategy with changes, as `made` takes them."""
    return made(strategy.model_dump(mode="json"), **changes)
