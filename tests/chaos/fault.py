"""What a row of the proof is: a fault, when it strikes, and what must come of it; and short ways to write one.

A fault arms itself after the plan is frozen. Most are lifted after the first try of every order; `stays` are only
lifted when the sending window is over. A fault that needs a course of its own has a `play`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.judge import Facts
from tests.chaos.plays import ordinary
from tests.chaos.stage import Stage

FOREVER = 3600
# Execution Gateways of two contracts, and Alpaca directly.
VENUES = ("v2", "v1", "alpaca")
GATEWAYS = ("v2", "v1")
# Those that take our own order ids.
BY_OUR_ID = ("v2", "alpaca")


def nothing(stage: Stage) -> None:
    """Arm nothing."""


def never(stage: Stage, facts: Facts) -> bool:
    return False


def no_problem(stage: Stage, facts: Facts) -> list[str]:
    return []


def nothing_sent(stage: Stage, facts: Facts) -> list[str]:
    return [f"{len(facts.book['posts'])} orders were sent"] if facts.book["posts"] else []


def always(stage: Stage, facts: Facts) -> bool:
    return True


@dataclass(frozen=True)
class Fault:
    """lies: a break, a halt or an unknown order may be left. must_surface: when one has to be.

    resend_is_right: the gateway denies for longer than the proof of absence takes that it has the order.
    ends: what the orders it strikes may end as; the others end filled.
    """

    name: str
    arm: Callable[[Stage], None] = nothing
    play: Callable[[Stage, Fault], None] = ordinary
    venues: tuple[str, ...] = VENUES
    stays: bool = False
    lies: bool = False
    must_surface: Callable[[Stage, Facts], bool] = never
    resend_is_right: bool = False
    check: Callable[[Stage, Facts], list[str]] = no_problem
    ends: frozenset[str] = frozenset({"filled"})


def post(fault: str, *, most: int = 2, **params: Any) -> Callable[[Stage], None]:
    """Return what arms a fault on the victim's first POSTs."""

    def arm(stage: Stage) -> None:
        stage.admin.fault(
            fault, match={"symbol": stage.victim.symbol}, times=stage.rng.randint(1, most), **drawn(stage, params)
        )

    return arm


def drawn(stage: Stage, params: dict[str, Any]) -> dict[str, Any]:
    return {name: stage.rng.choice(value) if isinstance(value, list) else value for name, value in params.items()}


def look_up(fault: str, **params: Any) -> Callable[[Stage], None]:
    """Return what arms a fault on every look-up of the victim."""

    def arm(stage: Stage) -> None:
        stage.admin.fault(fault, match={"symbol": stage.victim.symbol}, **drawn(stage, params))

    return arm


def broker_has_it(stage: Stage, facts: Facts) -> bool:
    return any(order["symbol"] == stage.victim.symbol for order in facts.book["orders"])


def a_post_arrived(stage: Stage, facts: Facts) -> bool:
    return any(post["symbol"] == stage.victim.symbol for post in facts.book["posts"])
