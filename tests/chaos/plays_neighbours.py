"""The courses in which a person, another gateway or a machine that slept comes between an order and its answer."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from include.execution import faultpoints as points
from include.execution.duty.rebinding import rebind
from include.execution.duty.settlement import Verdict, settle
from include.sandbox.settings import Settings
from include.trading.order.states import UNRESOLVED
from tests.chaos.plays import finish, lift
from tests.chaos.stage import LATE, Stage
from tests.chaos.workers import Trap

# What the sandbox calls itself, and hashes into the ids of its orders in v1.
OWN_STRATEGY_ID = Settings().strategy_id

if TYPE_CHECKING:
    from include.sandbox.runner import AdminClient
    from tests.chaos.fault import Fault


def another_gateway(stage: Stage, fault: Fault) -> None:
    """The answer is lost or the worker dies; then the connection leads to another gateway for a while."""
    stage.plan()
    ids = stage.ids()
    lost = stage.rng.choice(("reset_after_accept", "reset_before_body", None))
    if lost is not None:
        stage.admin.fault(lost, match={"symbol": stage.victim.symbol}, times=1)
    moves = stage.lane.venue != "v1" or stage.rng.random() < 0.5
    # One order is still to be sent from there.
    stage.first_try(ids if moves and lost is not None else ids[:-1])
    before, own = stage.admin.book()["posts_total"], stage.engine
    other = _turn_elsewhere(stage, moves=moves)
    stage.tries(ids, most=1)
    stage.look_once()
    if sent := other.book()["posts"][0 if moves else before :]:
        raise AssertionError(f"sent to another gateway: {sent}")
    with stage.ledger() as ledger:
        if f"other_gateway:{stage.name}" not in {alert.dedupe_key for alert in ledger.alerts.open()}:
            raise AssertionError("no alert said that the connection leads to another gateway")
    stage.engine = own
    stage.admin.settings(strategy_id=OWN_STRATEGY_ID)
    lift(stage)
    stage.tries(ids)
    finish(stage, fault)


def rebound_while_unknown(stage: Stage, fault: Fault) -> None:
    """A person calls another gateway the account's while an order is unknown: that it is not there proves nothing."""
    stage.plan()
    lost = stage.rng.choice(("reset_after_accept", "reset_after_accept", "reset_before_body"))
    stage.admin.fault(lost, match={"symbol": stage.victim.symbol}, times=1)
    stage.admin.fault("plain_500", match={"method": "GET", "path": "/api/v1/orders/", "symbol": stage.victim.symbol})
    ids, victim = stage.ids(), stage.victim.client_order_id
    stage.first_try(ids)
    with stage.ledger() as ledger:
        order = ledger.orders.get(victim)
    if order.state in UNRESOLVED:
        own, other = stage.engine, _turn_elsewhere(stage, moves=True)
        _rebind(stage)
        stage.tries([victim], most=1)
        if sent := other.book()["posts"]:
            raise AssertionError(f"sent because another gateway does not have it: {sent}")
        stage.engine = own
        _rebind(stage)
    lift(stage)
    stage.tries(ids, most=2)
    finish(stage, fault)


def _rebind(stage: Stage) -> None:
    address = stage.engine.endpoint("execution_gateway").address
    with stage.ledger() as ledger:
        rebind(ledger, stage.name, address, same_account=True, actor="a person", reason="the host moved")


def _turn_elsewhere(stage: Stage, *, moves: bool) -> AdminClient:
    """Let the connection lead to another gateway, or, in v1, the one behind the address be another; return its book."""
    if not moves:
        stage.admin.settings(strategy_id="another_strategy")
        return stage.admin
    other = stage.lane.other_sandbox()
    other.admin.reset()
    other.admin.settings(fill_after_seconds=0, clock_offset_seconds=stage.engine.clock_offset.total_seconds())
    stage.engine = replace(stage.engine, gateway_url=stage.lane.url_at(other))
    return other.admin


def settled_too_soon(stage: Stage, fault: Fault) -> None:
    """A person settles an order whose answer is in the hands of a worker that was held up."""
    stage.plan()
    victim = stage.victim.client_order_id
    worker = stage.submit([victim], [Trap("after_answer", 1, "stop")])
    if not worker.stops_at("after_answer"):
        raise AssertionError(f"the worker did not come to after_answer: {worker.said}")
    stage.wait_until(stage.lease_until())
    stage.admin.fault("plain_500", match={"method": "GET", "path": "/api/v1/orders/"})
    verdict = Verdict(stage.rng.choice(("rejected", "not_sent", "canceled", "expired")), "it is not in my list")
    with stage.engine.desk(sends=False, actor="a person") as desk:
        (settled,) = settle(desk, stage.name, [victim], verdict, gateway_silent=True).orders
    if not settled.settled:
        raise AssertionError(f"could not be settled: {settled.words}")
    worker.go_on()
    stage.outcome(worker)
    with stage.ledger() as ledger:
        breaks = ledger.books.open_breaks(stage.name)
    if not breaks:
        raise AssertionError(f"the answer to an order that was settled as {verdict.outcome} is not booked")
    lift(stage)
    finish(stage, fault)


def suspended_sender(stage: Stage, fault: Fault) -> None:
    """A worker's machine sleeps just before the POST, and its monotonic clock with it, until it is too late to send."""
    stage.plan()
    kept = stage.patches
    stage.patches = (*kept, _sleep_with_the_clock)
    ids = stage.ids()
    sleeper = stage.submit(ids, [Trap("before_post", 1, "stop")])
    stage.patches = kept
    if not sleeper.stops_at("before_post"):
        raise AssertionError(f"the worker did not come to before_post: {sleeper.said}")
    late = stage.rng.random() < 0.5
    stage.wait_until(stage.lease_until())
    if late:
        stage.outcome(stage.submit(ids, clock_offset=LATE))
        stage.track(clock_offset=LATE)
        stage.posts_when_late = int(stage.admin.book()["posts_total"])
    elif stage.rng.random() < 0.5:
        stage.tries(ids)
    sleeper.go_on()
    stage.outcome(sleeper)
    if late:
        stage.late()
        return
    stage.tries(ids)
    finish(stage, fault)


def _sleep_with_the_clock() -> None:
    """Let time.monotonic() not count while the worker stands still, as on a machine that is suspended."""
    monotonic, reach = time.monotonic, points.on_reach
    slept = 0.0

    def sleep_at(point: str) -> None:
        nonlocal slept
        began = monotonic()
        reach(point)
        slept += monotonic() - began

    points.on_reach = sleep_at
    time.monotonic = lambda: monotonic() - slept
