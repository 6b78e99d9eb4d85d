"""The faults of the proof: what the gateway, the clock, the database or a second worker does, and what must come of it.

A fault arms itself after the plan is frozen. Most are lifted after the first try of every order; `stays` are only
lifted when the sending window is over. A fault that needs a course of its own has a `play`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos import plays
from tests.chaos.judge import Facts
from tests.chaos.plays import ordinary
from tests.chaos.stage import Stage

FOREVER = 3600
BOTH = ("v2", "v1")


def _nothing(stage: Stage) -> None:
    """Arm nothing."""


def _never(stage: Stage, facts: Facts) -> bool:
    return False


def _no_problem(stage: Stage, facts: Facts) -> list[str]:
    return []


def _nothing_sent(stage: Stage, facts: Facts) -> list[str]:
    return [f"{len(facts.book['posts'])} orders were sent"] if facts.book["posts"] else []


def _always(stage: Stage, facts: Facts) -> bool:
    return True


@dataclass(frozen=True)
class Fault:
    """lies: a break, a halt or an unknown order may be left. must_surface: when one has to be.

    resend_is_right: the gateway denies for longer than the proof of absence takes that it has the order.
    ends: what the orders it strikes may end as; the others end filled.
    """

    name: str
    arm: Callable[[Stage], None] = _nothing
    play: Callable[[Stage, Fault], None] = ordinary
    contracts: tuple[str, ...] = BOTH
    stays: bool = False
    lies: bool = False
    must_surface: Callable[[Stage, Facts], bool] = _never
    resend_is_right: bool = False
    check: Callable[[Stage, Facts], list[str]] = _no_problem
    ends: frozenset[str] = frozenset({"filled"})


def _post(fault: str, *, most: int = 2, **params: Any) -> Callable[[Stage], None]:
    """Return what arms a fault on the victim's first POSTs."""

    def arm(stage: Stage) -> None:
        stage.admin.fault(
            fault, match={"symbol": stage.victim.symbol}, times=stage.rng.randint(1, most), **_drawn(stage, params)
        )

    return arm


def _drawn(stage: Stage, params: dict[str, Any]) -> dict[str, Any]:
    return {name: stage.rng.choice(value) if isinstance(value, list) else value for name, value in params.items()}


def _look_up(fault: str, **params: Any) -> Callable[[Stage], None]:
    """Return what arms a fault on every look-up of the victim."""

    def arm(stage: Stage) -> None:
        stage.admin.fault(fault, match={"symbol": stage.victim.symbol}, **_drawn(stage, params))

    return arm


def _refuse(stage: Stage) -> None:
    stage.admin.fault("refuse_connections")


def _halted(stage: Stage) -> None:
    if stage.rng.random() < 0.3:
        stage.admin.fault("fail_closed_503", times=2)
        return
    texts = ("Kill-switch engaged - new orders blocked", "Circuit breaker tripped - trading paused")
    stage.admin.fault("halted_503", times=stage.rng.randint(1, 4), detail=stage.rng.choice(texts))


def _server_error(stage: Stage) -> None:
    """After acceptance, or with nothing stored."""
    if stage.rng.random() < 0.6:
        _post("error_5xx_after_accept", most=1, status=[500, 502, 503, 504])(stage)
    else:
        _post("plain_500")(stage)


def _unreadable(stage: Stage) -> None:
    _post(stage.rng.choice(("html_200", "half_json_200")), accept=[True, False])(stage)


def _rejected_but_live(stage: Stage) -> None:
    """v2's look-ups may repeat the lie: then only the positions tell. In v1 these prove nothing."""
    lasts = [0, 0, FOREVER] if stage.lane.contract == "v2" else 0
    _post("rejected_but_live", most=1, seconds=lasts)(stage)


def _ledger_says_rejected(stage: Stage, facts: Facts) -> bool:
    return any(event["to_state"] == "rejected" for event in facts.events)


def _broker_has_it(stage: Stage, facts: Facts) -> bool:
    return any(order["symbol"] == stage.victim.symbol for order in facts.book["orders"])


def _a_post_arrived(stage: Stage, facts: Facts) -> bool:
    return any(post["symbol"] == stage.victim.symbol for post in facts.book["posts"])


def _switch_mode(stage: Stage) -> None:
    stage.admin.settings(mode=stage.rng.choice(("live", "dry_run")))


def _foreign_order_under_our_id(stage: Stage) -> None:
    """Somebody else's order stands under the victim's id."""
    victim = stage.victim
    answer = httpx.post(
        f"{stage.lane.sandbox.gateway_url}/api/v1/orders",
        json={
            "symbol": victim.symbol,
            "side": victim.side,
            "qty": victim.quantity + 1,
            "client_order_id": victim.client_order_id,
        },
    )
    stage.foreign_orders.add(answer.raise_for_status().json()["broker_order_id"])


def _move_price(stage: Stage) -> None:
    stage.admin.fault("reset_before_body", match={"symbol": stage.victim.symbol}, times=1)
    for symbol in stage.strategy.symbols:
        stage.admin.fault(
            "price_is",
            match={"symbol": symbol},
            price=str(round(float(stage.victim.price) * stage.rng.choice((0.9, 1.07)), 2)),
        )


FAULTS = [
    Fault("none"),
    Fault("connection refused", _refuse),
    Fault("refused all day", _refuse, stays=True, ends=frozenset({"not_sent"})),
    Fault("reset before the body", _post("reset_before_body")),
    Fault("reset after acceptance", _post("reset_after_accept", most=1)),
    Fault("time-out before acceptance", _post("timeout_before_accept", seconds=5)),
    Fault("time-out after acceptance", _post("timeout_after_accept", most=1, seconds=5)),
    Fault("5xx, stored or not", _server_error),
    Fault("422 must be unique after a time-out", _post("unique_422_after_timeout", most=1, seconds=5)),
    Fault(
        "422 must be unique, nothing there",
        _post("unique_422", most=1),
        lies=True,
        must_surface=lambda stage, facts: facts.event("outcome_unknown") and not _broker_has_it(stage, facts),
        ends=frozenset({"unknown", "filled"}),
    ),
    Fault("429 with Retry-After", _post("rate_limited", retry_after=[0.05, 0.3])),
    Fault("503 down", _post("down_503")),
    Fault("503 halted", _halted, contracts=("v2",)),
    Fault("HTML or half JSON", _unreadable),
    Fault(
        "200 rejected though live",
        _rejected_but_live,
        lies=True,
        must_surface=_ledger_says_rejected,
        ends=frozenset({"rejected", "filled"}),
    ),
    Fault(
        "200 failed after 503",
        _post("broker_down_503_stored", most=1),
        ends=frozenset({"failed", "filled"}),
    ),
    Fault(
        "200 pending_new without broker id",
        _post("pending_new_without_broker_id", most=1, live=[True, True, False], seconds=[0, 0.2, FOREVER]),
        lies=True,
        must_surface=lambda stage, facts: not _broker_has_it(stage, facts) and _a_post_arrived(stage, facts),
        ends=frozenset({"unknown", "filled"}),
    ),
    Fault(
        "500, then 200 without broker id",
        _post("broker_connection_500", most=1),
        lies=True,
        must_surface=lambda stage, facts: stage.lane.contract == "v2" and _a_post_arrived(stage, facts),
        ends=frozenset({"unknown", "rejected", "filled"}),
    ),
    Fault("404 for a while after acceptance", play=plays.denied_until_resent, resend_is_right=True),
    Fault("404 shortly after acceptance", play=plays.denied_once),
    Fault("order appears with the next POST", _post("lost_then_appears", most=1, seconds=5), resend_is_right=True),
    Fault(
        "order appears after it was confirmed absent",
        play=plays.appears_after_absence,
        lies=True,
        must_surface=lambda stage, facts: facts.event("proven_absent") and _broker_has_it(stage, facts),
        ends=frozenset({"not_sent", "filled"}),
    ),
    Fault("slow answers", _post("slow_answer", most=2, seconds=0.25)),
    Fault("duplicate fills", _look_up("duplicate_fills"), stays=True),
    Fault(
        "overfill",
        _post("overfill", most=2, extra=[1, 7]),
        lies=True,
        must_surface=lambda stage, facts: any(order["filled_qty"] > order["qty"] for order in facts.book["orders"]),
    ),
    Fault(
        "wrong quantity reported",
        _look_up("wrong_quantity_reported", by=[1, -1]),
        stays=True,
        lies=True,
        must_surface=_always,
        ends=frozenset({"filled", "open", "unknown"}),
    ),
    Fault(
        "another payload under our id",
        _foreign_order_under_our_id,
        contracts=("v2",),
        lies=True,
        must_surface=_always,
        ends=frozenset({"unknown", "planned", "not_sent"}),
    ),
    Fault(
        "gateway in another mode",
        _switch_mode,
        lies=True,
        must_surface=_always,
        check=_nothing_sent,
        ends=frozenset({"not_sent"}),
    ),
    Fault(
        "mode switched between check and POST",
        play=plays.mode_switched,
        lies=True,
        must_surface=_always,
        ends=frozenset({"dry_run", "not_sent"}),
    ),
    Fault("partial, then canceled", play=plays.canceled, ends=frozenset({"canceled"})),
    Fault("late fill after cancel", play=plays.canceled, ends=frozenset({"canceled", "filled"})),
    Fault("price moved between tries", _move_price, play=plays.price_moved),
    Fault("midnight between tries", play=plays.midnight),
    Fault("two workers on one order", play=plays.two_workers),
    Fault("two runs of one session", play=plays.two_runs),
    Fault("paused worker wakes after its lease", play=plays.paused_worker, ends=frozenset({"filled", "not_sent"})),
    Fault("two paused workers on one order", play=plays.two_paused_workers),
    Fault(
        "revision 2 while a retry sleeps",
        play=plays.revision_two,
        # v1: revision 2 wants the very order that revision 1 tried to send today.
        ends=frozenset({"not_sent", "filled", "denied"}),
    ),
    Fault("the same order again in revision 2", play=plays.same_order_again, ends=frozenset({"denied", "filled"})),
    Fault("clear during tracking", play=plays.clear_during_tracking),
    Fault("account halted by a person", play=plays.halted_by_person, lies=True, ends=frozenset({"not_sent", "filled"})),
    Fault("PostgreSQL restarted", play=plays.postgres_restarted),
    Fault("positions fail once", play=plays.positions_fail),
]
BY_NAME = {fault.name: fault for fault in FAULTS}
