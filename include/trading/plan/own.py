"""A strategy's own functions, as planning gets them; include/execution/own_parts.py imports them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A risk rule by its dotted name. function: None where it cannot be had, and `problem` says why."""

    name: str
    function: Callable[..., Any] | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class OwnParts:
    """sizing: None for a strategy that sizes as the package does."""

    sizing: Callable[..., Any] | None = None
    rules: tuple[OwnRule, ...] = ()
