"""Named moments in the life of an order. The reliability proof kills the process at them; elsewhere they do nothing."""

from __future__ import annotations

from collections.abc import Callable


def _nothing(point: str) -> None:
    """Do nothing: what happens at a point outside the proof."""


on_reach: Callable[[str], None] = _nothing

POINTS = (
    "before_positions",
    "after_positions",
    "before_freeze",
    "account_locked",
    "after_freeze",
    "before_claim",
    "after_claim",
    "before_post",
    "after_answer",
    "before_booking",
    "after_booking",
    "before_correction",
    "while_tracking",
    "while_closing",
)


def reach(point: str) -> None:
    """Pass one of POINTS."""
    on_reach(point)
