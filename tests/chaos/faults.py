"""The faults of the proof, in the order of the table: what goes wrong, and what must come of it."""

from __future__ import annotations

from typing import Any

import httpx

from tests.chaos import plays
from tests.chaos.fault import (
    BY_OUR_ID,
    FOREVER,
    GATEWAYS,
    Fault,
    a_post_arrived,
    always,
    broker_has_it,
    look_up,
    nothing_sent,
    post,
)
from tests.chaos.judge import Facts
from tests.chaos.lies import LIES
from tests.chaos.neighbours import NEIGHBOURS
from tests.chaos.stage import Stage


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
        post("error_5xx_after_accept", most=1, status=[500, 502, 503, 504])(stage)
    else:
        post("plain_500")(stage)


def _unreadable(stage: Stage) -> None:
    post(stage.rng.choice(("html_200", "half_json_200")), accept=[True, False])(stage)


def _rejected_but_live(stage: Stage) -> None:
    """v2's look-ups may repeat the lie: then only the positions tell. In v1 these prove nothing."""
    lasts = [0, 0, FOREVER] if stage.lane.venue != "v1" else 0
    post("rejected_but_live", most=1, seconds=lasts)(stage)


def _ledger_says_rejected(stage: Stage, facts: Facts) -> bool:
    return any(event["to_state"] == "rejected" for event in facts.events)


def _switch_mode(stage: Stage) -> None:
    stage.admin.settings(mode=stage.rng.choice(("live", "dry_run")))


def _foreign_order_under_our_id(stage: Stage) -> None:
    """Another system's order stands under the victim's id."""
    victim = stage.victim
    sandbox, at_alpaca = stage.lane.sandbox, stage.lane.venue == "alpaca"
    order: dict[str, Any] = {
        "symbol": victim.symbol,
        "side": victim.side,
        "qty": int(victim.quantity) + 1,
        "client_order_id": victim.client_order_id,
    }
    if at_alpaca:
        order |= {"type": "market", "time_in_force": "day"}
    answer = httpx.post(
        f"{sandbox.alpaca_url}/v2/orders" if at_alpaca else f"{sandbox.gateway_url}/api/v1/orders",
        json=order,
        headers=sandbox.alpaca_headers if at_alpaca else {},
    )
    stage.foreign_orders.add(answer.raise_for_status().json()["id" if at_alpaca else "broker_order_id"])


def _wrong_quantity(stage: Stage) -> None:
    by, victim = stage.rng.choice((1, -1)), stage.victim
    if stage.lane.venue == "alpaca":
        said = {"qty": str(int(victim.quantity) + by)}
        stage.admin.fault("alpaca_order_says", symbol=victim.symbol, fields=said)
    else:
        stage.admin.fault("wrong_quantity_reported", match={"symbol": victim.symbol}, by=by)


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
    Fault("reset before the body", post("reset_before_body")),
    Fault("reset after acceptance", post("reset_after_accept", most=1)),
    Fault("time-out before acceptance", post("timeout_before_accept", seconds=5)),
    Fault("time-out after acceptance", post("timeout_after_accept", most=1, seconds=5)),
    Fault("5xx, stored or not", _server_error),
    Fault("422 must be unique after a time-out", post("unique_422_after_timeout", most=1, seconds=5)),
    Fault(
        "422 must be unique, nothing there",
        post("unique_422", most=1),
        lies=True,
        must_surface=lambda stage, facts: facts.event("outcome_unknown") and not broker_has_it(stage, facts),
        ends=frozenset({"unknown", "filled"}),
    ),
    Fault("429 with Retry-After", post("rate_limited", retry_after=[0, 0.05, 0.3, "Wed, 21 Oct 2015 07:28:00 GMT"])),
    Fault("503 down", post("down_503")),
    Fault("503 halted", _halted, venues=("v2",)),
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
        post("broker_down_503_stored", most=1),
        venues=GATEWAYS,
        ends=frozenset({"failed", "filled"}),
    ),
    Fault(
        "200 pending_new without broker id",
        post("pending_new_without_broker_id", most=1, live=[True, True, False], seconds=[0, 0.2, FOREVER]),
        venues=GATEWAYS,
        lies=True,
        must_surface=lambda stage, facts: not broker_has_it(stage, facts) and a_post_arrived(stage, facts),
        ends=frozenset({"unknown", "filled"}),
    ),
    Fault(
        "500, then 200 without broker id",
        post("broker_connection_500", most=1),
        venues=GATEWAYS,
        lies=True,
        must_surface=lambda stage, facts: stage.lane.venue == "v2" and a_post_arrived(stage, facts),
        ends=frozenset({"unknown", "rejected", "filled"}),
    ),
    Fault("404 for a while after acceptance", play=plays.denied_until_resent, resend_is_right=True),
    Fault("404 shortly after acceptance", play=plays.denied_once),
    Fault("order appears with the next POST", post("lost_then_appears", most=1, seconds=5), resend_is_right=True),
    Fault(
        "order appears after it was confirmed absent",
        play=plays.appears_after_absence,
        lies=True,
        must_surface=lambda stage, facts: facts.event("proven_absent") and broker_has_it(stage, facts),
        ends=frozenset({"not_sent", "filled"}),
    ),
    Fault("slow answers", post("slow_answer", most=2, seconds=0.25)),
    Fault("duplicate fills", look_up("duplicate_fills"), stays=True),
    Fault(
        "overfill",
        post("overfill", most=2, extra=[1, 7]),
        lies=True,
        must_surface=lambda stage, facts: any(order["filled_qty"] > order["qty"] for order in facts.book["orders"]),
    ),
    Fault(
        "wrong quantity reported",
        _wrong_quantity,
        stays=True,
        lies=True,
        must_surface=always,
        ends=frozenset({"filled", "open", "unknown"}),
    ),
    Fault(
        "another payload under our id",
        _foreign_order_under_our_id,
        venues=BY_OUR_ID,
        lies=True,
        must_surface=always,
        ends=frozenset({"unknown", "planned", "not_sent"}),
    ),
    Fault(
        "gateway in another mode",
        _switch_mode,
        # At Alpaca the host and the account's number are the mode: neither changes.
        venues=GATEWAYS,
        lies=True,
        must_surface=always,
        check=nothing_sent,
        ends=frozenset({"not_sent"}),
    ),
    Fault(
        "mode switched between check and POST",
        play=plays.mode_switched,
        venues=GATEWAYS,
        lies=True,
        must_surface=always,
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
    *LIES,
    *NEIGHBOURS,
]
BY_NAME = {fault.name: fault for fault in FAULTS}
