"""The courses that scenarios take: the ordinary one, and those of faults that need a step of their own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from include.execution import faultpoints as points
from include.execution.orders import resolve as resolve_module
from include.execution.orders import submit as submit_module
from tests.chaos.stage import LATE, MOST_TRIES, SUBMIT_POINTS, Stage, track_job
from tests.chaos.workers import POST_LEFT, Patch, Trap

if TYPE_CHECKING:
    from include.execution.desk import Desk
    from include.trading.order.row import Intent
    from tests.chaos.fault import Fault

# Where a look-up has not found the victim. Not a point of the engine: only here something has to act just then.
DENIED = "denied"


def ordinary(stage: Stage, fault: Fault) -> None:
    """Plan, strike, try, lift, try again, track, close, and clear everything once more when it is too late."""
    stage.plan()
    fault.arm(stage)
    ids = stage.ids()
    # At times the task is cleared while it runs: a second worker, at the same time.
    # A lie may leave an order unknown for ever: what one more try does not find, six do not either.
    under_it, after_it = (1, 1) if fault.lies else (2, MOST_TRIES)
    known = stage.first_try(ids, workers=stage.rng.choice((1, 1, 1, 2))) or stage.tries(ids, alive=under_it)
    if not fault.stays:
        lift(stage)
        if not known:
            stage.tries(ids, alive=after_it)
    finish(stage, fault)


def lift(stage: Stage) -> None:
    stage.admin.clear_faults()
    stage.admin.settings(mode="paper")


def finish(stage: Stage, fault: Fault, name: str = "run") -> None:
    stage.track(name)
    if fault.stays:
        lift(stage)
    stage.late(name)


def appears_after_absence(stage: Stage, fault: Fault) -> None:
    """Every worker dies that has proof of absence in its hands; the order comes up when it is too late to send."""

    def die_with_proof() -> None:
        passes = submit_module._pass_gate

        def guarded(desk, plan, intent, info):
            if intent.proven_absent_at is not None:
                os.kill(os.getpid(), signal.SIGKILL)
            return passes(desk, plan, intent, info)

        submit_module._pass_gate = guarded

    stage.plan()
    stage.admin.fault("lost_then_appears", match={"symbol": stage.victim.symbol}, times=1, seconds=60)
    ids = stage.ids()
    kept = stage.patches
    stage.patches = (*kept, die_with_proof)
    stage.first_try(ids)
    stage.tries(ids, most=3)
    stage.patches = kept
    others = [id for id in ids if id != stage.victim.client_order_id]
    stage.tries(others)
    if stage.rng.random() < 0.5:
        stage.outcome(stage.submit(ids, clock_offset=LATE))
    stage.admin.settings(clock_offset_seconds=70)
    finish(stage, fault)


def denied_until_resent(stage: Stage, fault: Fault) -> None:
    """Look-ups deny an order that was acknowledged; or one whose answer was lost, for longer than the proof takes."""
    stage.plan()
    stage.hide_victim(reset=stage.rng.random() < 0.6)
    ids = stage.ids()
    known = stage.try_all(ids, workers=stage.rng.choice((1, 1, 1, 2)))
    if not known and stage.lane.venue != "alpaca":
        raise AssertionError(f"no outcome while look-ups deny the order: {stage.log}")
    stage.look_once()
    stage.reveal_victim()
    if not known:
        # Alpaca calls the id taken, which no 404 outweighs: the order stays unknown until it is shown.
        stage.tries(ids)
    finish(stage, fault)


def denied_once(stage: Stage, fault: Fault) -> None:
    """The answer is lost and the first look-up denies the order: one 404 proves nothing."""
    stage.plan()
    stage.hide_victim(reset=True)
    victim = stage.victim.client_order_id
    # The victim last: the worker that was denied has sent all else when the clocks are put forward.
    ids = [*(id for id in stage.ids() if id != victim), victim]
    traps = stage.trap_if(SUBMIT_POINTS)
    kept = stage.patches
    stage.patches = (*kept, _tell_of_denial(victim))
    for _ in range(2 * MOST_TRIES):
        worker = stage.submit(ids, (*traps, Trap(DENIED, 1, "stop")))
        if worker.stops_at(DENIED):
            if any(order["symbol"] == stage.victim.symbol for order in stage.admin.book()["orders"]):
                break
            # Denied with right: an earlier worker died before its POST.
            worker.kill()
        stage.outcome(worker)
        traps = ()
    else:
        raise AssertionError(f"no look-up denied an order that is there: {stage.log}")
    stage.patches = kept
    stage.reveal_victim()
    worker.go_on()
    stage.outcome(worker)
    stage.tries(ids)
    finish(stage, fault)


def _tell_of_denial(client_order_id: str) -> Patch:
    def tell() -> None:
        not_found = resolve_module._not_found

        def told(desk: Desk, intent: Intent, asked_at: datetime) -> Intent:
            intent = not_found(desk, intent, asked_at)
            if intent.client_order_id == client_order_id:
                points.reach(DENIED)
            return intent

        resolve_module._not_found = told

    return tell


def mode_switched(stage: Stage, fault: Fault) -> None:
    stage.plan()
    ids = [stage.victim.client_order_id]
    worker = stage.submit(ids, [Trap("before_post", 1, "stop")])
    if not worker.stops_at("before_post"):
        raise AssertionError(f"the worker did not come to before_post: {worker.said}")
    stage.admin.settings(mode="dry_run")
    worker.go_on()
    stage.outcome(worker)
    stage.first_try(stage.ids())
    lift(stage)
    stage.tries(stage.ids(), most=2)
    finish(stage, fault)


def canceled(stage: Stage, fault: Fault) -> None:
    """The victim fills in part and is canceled; at times one more share fills after we know of the cancel."""
    stage.plan()
    stage.admin.settings(fill_after_seconds=3600)
    ids = stage.ids()
    stage.try_all(ids)
    orders = stage.admin.book()["orders"]
    victim = stage.victim
    for order in orders:
        if order["symbol"] != victim.symbol:
            stage.admin.order(order["broker_order_id"], status="filled")
            continue
        filled = stage.rng.randrange(0, int(victim.quantity))
        late = fault.name.startswith("late") and filled < int(victim.quantity)
        if filled:
            stage.admin.order(order["broker_order_id"], fill=filled)
        stage.admin.order(order["broker_order_id"], status="canceled")
        if late:
            stage.track(closes=False)
            stage.admin.order(order["broker_order_id"], fill=stage.rng.randint(1, int(victim.quantity) - filled))
    finish(stage, fault)


def price_moved(stage: Stage, fault: Fault) -> None:
    """All tasks are cleared after the price moved: the plan is read back, not made again."""
    before = stage.plan()
    fault.arm(stage)
    ids = stage.ids()
    stage.first_try(ids)
    started_at = datetime.now(UTC)
    stage.outcome(stage.start(lambda: stage.plan_job("run", started_at, {})))
    after = stage.read_plan()
    frozen = [(one.client_order_id, one.side, one.quantity) for one in before]
    if [(one.client_order_id, one.side, one.quantity) for one in after] != frozen:
        raise AssertionError(f"the plan changed from {frozen}")
    stage.tries(ids)
    finish(stage, fault)


def midnight(stage: Stage, fault: Fault) -> None:
    """The gateway's day ends between the tries; the first one was lost, before or after acceptance."""
    zone = ZoneInfo("America/New_York" if stage.lane.venue == "v1" else "UTC")
    now = datetime.now(UTC)
    next_day = now.astimezone(zone).date() + timedelta(days=1)
    midnight = datetime.combine(next_day, time(0), zone)
    before = timedelta(seconds=stage.rng.choice((30, 200, 370)))
    stage.jump(midnight - before - now)
    stage.plan()
    lost = stage.rng.choice(("reset_before_body", "reset_after_accept", "error_5xx_after_accept", "slow_answer"))
    stage.admin.fault(lost, match={"symbol": stage.victim.symbol}, times=1)
    ids = stage.ids()
    died = Trap(stage.rng.choice(("after_answer", "before_booking")), 1)
    crowd = [stage.submit(ids, [died])] if stage.rng.random() < 0.7 else []
    for worker in crowd:
        stage.outcome(worker)
    stage.first_try(ids)
    stage.jump(before + timedelta(seconds=stage.rng.choice((1, 100))))
    stage.tries(ids)
    finish(stage, fault)


def two_workers(stage: Stage, fault: Fault) -> None:
    stage.plan()
    lost = stage.rng.choice((None, "reset_before_body", "timeout_after_accept", "down_503", "slow_answer"))
    if lost is not None:
        stage.admin.fault(lost, match={"symbol": stage.victim.symbol}, times=1)
    ids = stage.ids()
    stage.try_all(ids, workers=stage.rng.choice((2, 3)))
    finish(stage, fault)


def two_runs(stage: Stage, fault: Fault) -> None:
    """Two DAG runs of one session plan, submit and track at the same time."""
    started_at = datetime.now(UTC)
    jobs: list[Callable[[], str]] = [
        lambda: stage.plan_job("run", started_at, {}),
        lambda: stage.plan_job("second", started_at, {}),
    ]
    trap = [stage.trap(stage.point, 1)] if stage.point in ("before_freeze", "after_freeze") else []
    for worker in [stage.start(job, trap if number == 0 else ()) for number, job in enumerate(jobs)]:
        stage.outcome(worker)
    stage.point, point = ("none", stage.point) if trap else (stage.point, stage.point)
    for name in ("run", "second"):
        stage.plan(name)
    stage.point = point
    lists = [stage.ids("run"), stage.ids("second")]
    if set(lists[0]) != set(lists[1]):
        raise AssertionError(f"two plans for one session: {lists}")
    stage.first_try(lists[0], workers=2)
    stage.tries(lists[1])
    trackers = [
        stage.start(lambda run=run: track_job(stage.engine, run, closes=True))
        for run in (stage.runs["run"], stage.runs["second"])
    ]
    for tracker in trackers:
        stage.outcome(tracker)
    finish(stage, fault)
    stage.track("second", clock_offset=LATE)


def paused_worker(stage: Stage, fault: Fault) -> None:
    """A worker stands still past its lease; others settle the order, at times for good; then it wakes."""
    stage.plan()
    if stage.rng.random() < 0.5:
        lost = stage.rng.choice(("reset_before_body", "plain_500", "reset_after_accept"))
        stage.admin.fault(lost, match={"symbol": stage.victim.symbol}, times=1)
    ids = stage.ids()
    point = stage.point if stage.point in SUBMIT_POINTS and stage.point != POST_LEFT else "before_post"
    sleeper = stage.submit(ids, [Trap(point, 1, "stop")])
    if not sleeper.stops_at(point) and not stage.was_unknown():
        # Without an answer in time there is nothing to book: then the course goes on without a sleeper.
        raise AssertionError(f"the worker did not come to {point}: {sleeper.said}")
    if point == "before_post" and stage.rng.random() < 0.5:
        # Nothing was sent, it is too late to send, and the run is closed: now the worker wakes.
        lease_until = stage.lease_until()
        stage.outcome(stage.submit(ids, clock_offset=LATE))
        stage.track(clock_offset=LATE)
        stage.posts_when_late = int(stage.admin.book()["posts_total"])
        # Only the others' clock was put forward: to the sleeper it is its own while the lease lasts.
        stage.wait_until(lease_until)
        sleeper.go_on()
        stage.outcome(sleeper)
        return stage.late()
    stage.tries(ids)
    sleeper.go_on()
    stage.outcome(sleeper)
    stage.tries(ids)
    return finish(stage, fault)


def two_paused_workers(stage: Stage, fault: Fault) -> None:
    """One sleeps past its lease before its POST; the next sends the order and sleeps on the answer; the first wakes."""
    stage.plan()
    ids = [stage.victim.client_order_id]
    first = stage.submit(ids, [Trap("before_post", 1, "stop")])
    if not first.stops_at("before_post"):
        raise AssertionError(f"the worker did not come to before_post: {first.said}")
    for _ in range(MOST_TRIES):
        second = stage.submit(ids, [Trap("after_answer", 1, "stop")])
        if second.stops_at("after_answer"):
            break
    else:
        raise AssertionError(f"no worker came to after_answer: {second.said}")
    first.go_on()
    stage.outcome(first)
    second.go_on()
    stage.outcome(second)
    stage.try_all(stage.ids())
    finish(stage, fault)


def revision_two(stage: Stage, fault: Fault) -> None:
    """While an order of revision 1 waits for its next try, a person trades the session again."""
    stage.plan()
    match = {"symbol": stage.victim.symbol}
    if stage.lane.venue == "v2" and stage.rng.random() < 0.5:
        stage.admin.fault("halted_503", match=match)
    else:
        stage.admin.fault("rate_limited", match=match, retry_after=0.3)
    ids = stage.ids()
    sleeper = stage.submit([stage.victim.client_order_id], [Trap("before_claim", 1, "stop")])
    if not sleeper.stops_at("before_claim"):
        raise AssertionError(f"the worker did not come to before_claim: {sleeper.said}")
    stage.first_try(ids)
    lift(stage)
    stage.tries([id for id in ids if id != stage.victim.client_order_id])
    stage.settle_unknown()
    stage.plan("second", revision=2)
    sleeper.go_on()
    stage.outcome(sleeper)
    stage.tries(ids)
    stage.tries(stage.ids("second"))
    stage.track()
    finish(stage, fault, "second")
    stage.track(clock_offset=LATE)
    bought = sum(order["qty"] for order in stage.admin.book()["orders"] if order["symbol"] == stage.victim.symbol)
    if bought > int(stage.victim.quantity):
        raise AssertionError(f"two revisions ordered {bought} of {int(stage.victim.quantity)} {stage.victim.symbol}")


def same_order_again(stage: Stage, fault: Fault) -> None:
    """The ADR's letter orders the full target again: in v1 the gateway would take it for the first order."""
    stage.strategy = stage.strategy.model_copy(update={"order_basis": "target"})
    stage.plan()
    ids = stage.ids()
    stage.try_all(ids)
    stage.track()
    stage.plan("second", revision=2)
    again = stage.ids("second")
    stage.try_all(again)
    stage.track("second")
    finish(stage, fault, "second")


def clear_during_tracking(stage: Stage, fault: Fault) -> None:
    stage.plan()
    ids = stage.ids()
    stage.try_all(ids)
    tracker = stage.start(lambda: track_job(stage.engine, stage.runs["run"], closes=True))
    crowd = [stage.submit(ids), stage.start(lambda: track_job(stage.engine, stage.runs["run"], closes=True))]
    for worker in (tracker, *crowd):
        stage.outcome(worker)
    finish(stage, fault)


def halted_by_person(stage: Stage, fault: Fault) -> None:
    """Nothing is sent while the account is halted; at times it is resumed in time."""
    stage.plan()
    stage.set_account("halted")
    ids = stage.ids()
    before = stage.admin.book()["posts_total"]
    stage.first_try(ids)
    if stage.admin.book()["posts_total"] != before:
        raise AssertionError("an order was sent while the account was halted")
    if stage.rng.random() < 0.5:
        stage.set_account("active")
        stage.tries(ids)
    finish(stage, fault)


def postgres_restarted(stage: Stage, fault: Fault) -> None:
    """The database goes away while a worker is at the drawn point, and comes back."""
    stage.plan()
    if stage.rng.random() < 0.3:
        stage.admin.fault("reset_after_accept", match={"symbol": stage.victim.symbol}, times=1)
    ids = stage.ids()
    point = stage.point if stage.point in SUBMIT_POINTS and stage.point != POST_LEFT else "after_answer"
    worker = stage.submit(ids, [Trap(point, 1, "stop")])
    reached = worker.stops_at(point)
    stage.restart_postgres()
    if reached:
        worker.go_on()
    stage.outcome(worker)
    stage.tries(ids)
    finish(stage, fault)


def positions_fail(stage: Stage, fault: Fault) -> None:
    """The second source fails while the run is closed: no answer is never an empty book."""
    stage.plan()
    ids = stage.ids()
    stage.try_all(ids)
    stage.admin.fault("positions_fail_500", times=stage.rng.randint(1, 4))
    finish(stage, fault)
