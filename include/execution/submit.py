"""Send one order, at most once: through the gate, to the gateway, and to a known outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from include.execution.desk import Desk, check_gateway, stop_trading
from include.execution.points import reach
from include.execution.reports import apply_report, mark_unknown, pause_gateway, release
from include.execution.resolve import ID_EXISTS, gateway_ids, reread, resolve
from include.ledger.orders import Overtaken
from include.ledger.records import Attempt, Intent, PlanRecord
from include.trading.errors import (
    BookMismatch,
    Halted,
    IdExists,
    InvalidData,
    LedgerUnavailable,
    OutcomeUnknown,
    Paused,
    Rejected,
    Unauthorized,
    Unavailable,
)
from include.trading.gate import GateDecision, GateFacts, decide, may_post
from include.trading.identity import broker_days, gateway_order_id_v1
from include.trading.models import GatewayInfo
from include.trading.states import FINAL, REFUSED, UNRESOLVED, state_of

UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Passage:
    """What the gate said about an order, and the order as it is after that.

    now: the ledger's time under the locks; locked_at: time.monotonic() just after it came.
    entered_at: time.monotonic() from before the locks, so that the lease is never thought longer than it is.
    failures: how many in a row the account has on reaching the gateway.
    """

    decision: GateDecision
    intent: Intent
    now: datetime
    locked_at: float
    entered_at: float
    failures: int


def submit_order(desk: Desk, plan_id: UUID, client_order_id: str) -> Intent:
    """Bring one order of a plan to an outcome and return it: acknowledged, final, denied or not sent.

    May be called again, at the same time, by any number of workers: the ledger lets one POST through.
    Raises InvalidData (no order of that plan), Unavailable or Paused (nothing was stored, ask later), Halted (a person
    must act), OutcomeUnknown (look-ups go on), BookMismatch (the account stopped).
    """
    waits = iter(desk.settings.quick_retry_seconds)
    while True:
        plan, intent, now = _read(desk, plan_id, client_order_id)
        try:
            if _is_undecided(intent):
                intent = _act(desk, _pass_gate(desk, plan, intent, _gateway_now(desk, plan, now)))
            if not _is_undecided(intent):
                return intent
        except Unavailable as error:
            _wait_or_raise(desk, plan.account, error, waits)
        except Overtaken:
            continue


def _is_undecided(intent: Intent) -> bool:
    return intent.state not in FINAL and intent.state != "open"


def _gateway_now(desk: Desk, plan: PlanRecord, now: datetime) -> GatewayInfo | None:
    """Return what the gateway says it is just before a POST; None once nothing may be sent any more."""
    if now >= plan.send_until:
        return None
    sandbox_only = plan.parameters["strategy"]["sandbox_only"]
    return check_gateway(desk, plan.account, plan.mode, sandbox_only=sandbox_only, quick=True)


def _act(desk: Desk, passage: Passage) -> Intent:
    """Do what the gate said."""
    intent = passage.intent
    match passage.decision.outcome:
        case "send":
            return _post(desk, passage)
        case "resolve":
            intent = resolve(desk, intent, budget_seconds=desk.settings.look_up_seconds)
            if intent.state in UNRESOLVED:
                raise OutcomeUnknown(
                    f"order {intent.client_order_id} ({intent.side} {intent.quantity} {intent.symbol}) may have been "
                    f"sent and is not found yet: {intent.message or 'no answer'}; looking it up goes on"
                )
            return intent
        case "wait":
            _wait(desk, passage)
            return intent
        case "hold":
            raise Halted(f"order {intent.client_order_id} stays planned: {passage.decision.reason}")
        case _:
            return intent


def _read(desk: Desk, plan_id: UUID, client_order_id: str) -> tuple[PlanRecord, Intent, datetime]:
    found = desk.ledger.read_order(plan_id, client_order_id)
    if found is None:
        raise InvalidData(f"an order of the plan {plan_id} was expected, got {client_order_id}")
    if desk.settings.lease_seconds < 2 * desk.gateway.endpoint.total_timeout_seconds:
        raise InvalidData(
            f"lease_seconds: expected at least twice the gateway's total time-out "
            f"({desk.gateway.endpoint.total_timeout_seconds:g} s), got {desk.settings.lease_seconds:g}"
        )
    return found


def _pass_gate(desk: Desk, plan: PlanRecord, intent: Intent, info: GatewayInfo | None) -> Passage:
    """Decide under the locks of account, plan and order; when it is `send`, the order is ours and `sending`."""
    ids = [] if info is None else _gateway_ids(desk, plan, intent, info)
    foreign = _already_there(desk, plan, intent, ids)
    entered_at = time.monotonic()
    reach("before_claim")
    with desk.ledger.locked_order(plan, intent.client_order_id, ids) as (account, plan, intent, traffic):
        now, locked_at = traffic.now, time.monotonic()
        desk.check_still_bound(account)
        if info is not None and _gateway_ids(desk, plan, intent, info) != ids:
            raise Overtaken(f"order {intent.client_order_id}: the broker's day changed on the way to the gate")
        account_state = desk.ledger.accounts.refresh_since(
            account,
            now,
            traffic.unresolved_since,
            after_seconds=desk.settings.unresolved_seconds,
            actor=desk.actor,
        )
        decision = decide(
            GateFacts(
                now=now,
                state=intent.state,
                reduces=intent.reduces,
                attempt=intent.attempt,
                filled=intent.filled_quantity > 0,
                lease_until=intent.lease_until,
                plan_open=plan.state == "open",
                window_opens=plan.window_opens,
                send_until=plan.send_until,
                account_state=account_state,
                account_reason=account.state_reason,
                paused_until=account.gateway_paused_until,
                pause_reason=account.pause_reason,
                pace_reached_at=traffic.pace_reached_at,
                attempt_cap=desk.settings.attempt_cap,
                id_collision=foreign or traffic.holder,
            )
        )
        intent = _carry_out(desk, decision, intent, ids, now)
    reach("after_claim")
    return Passage(decision, intent, now, locked_at, entered_at, account.consecutive_failures)


def _gateway_ids(desk: Desk, plan: PlanRecord, intent: Intent, info: GatewayInfo) -> list[str]:
    """Return the ids under which the gateway will hold the order if it is sent now."""
    if plan.contract == "v2":
        return [intent.client_order_id]
    if info.strategy_id is None:
        raise InvalidData("the v1 gateway's /health names no details.strategy_id, from which it makes order ids")
    now = desk.ledger.now()
    timeout = timedelta(seconds=desk.settings.lease_seconds)
    days = broker_days(now, now + timeout, desk.gateway.endpoint.broker_timezone)
    return [gateway_order_id_v1(intent.symbol, intent.side, intent.quantity, info.strategy_id, day) for day in days]


def _already_there(desk: Desk, plan: PlanRecord, intent: Intent, ids: list[str]) -> str | None:
    """Return the id of an order that a v1 gateway would take ours for; it makes ids from the content and the day."""
    if plan.contract == "v2" or intent.state != "planned":
        return None
    for id in ids:
        report = desk.gateway.order(id)
        if report is None:
            continue
        if reread(desk, intent).version != intent.version:
            raise Overtaken(f"order {intent.client_order_id} was sent by another worker while we looked it up")
        if id not in gateway_ids(desk, intent):
            return id
        # Our own earlier try, proven absent, is there after all: a break, which the gate then sees.
        apply_report(desk, intent, report, "looked_up_before_sending")
    return None


def _carry_out(desk: Desk, decision: GateDecision, intent: Intent, ids: list[str], now: datetime) -> Intent:
    orders = desk.ledger.orders
    match decision.outcome:
        case "deny":
            return orders.save(intent, event="denied", actor=desk.actor, state="denied", reason=decision.reason)
        case "close":
            return orders.save(intent, event="not_sent", actor=desk.actor, state="not_sent", reason=decision.reason)
        case "send" if not ids:
            raise Unavailable(f"order {intent.client_order_id} is not sent: the clock went back during the gate")
        case "send":
            times_out_at = now + timedelta(seconds=desk.gateway.endpoint.total_timeout_seconds)
            return orders.save(
                intent,
                event="sending",
                actor=desk.actor,
                detail={"worker": desk.worker, "code_version": desk.code_version, "gateway_order_ids": ids},
                state="sending",
                attempt=intent.attempt + 1,
                lease_owner=desk.worker,
                lease_until=now + timedelta(seconds=desk.settings.lease_seconds),
                first_sent_at=intent.first_sent_at or now,
                post_timed_out_at=times_out_at,
                not_found_count=0,
                reason=None,
                tried=Attempt(
                    intent_id=intent.id,
                    attempt=intent.attempt + 1,
                    account=intent.account,
                    worker=desk.worker,
                    code_version=desk.code_version,
                    started_at=now,
                    times_out_at=times_out_at,
                    gateway_order_ids=ids,
                    gateway=desk.bound.venue.record(),
                    binding=desk.bound.binding,
                ),
            )
        case _:
            return intent


def _post(desk: Desk, passage: Passage) -> Intent:
    """Send the order that this worker has claimed, once, and book the answer."""
    intent = passage.intent
    reach("before_post")
    remaining = desk.settings.lease_seconds - (time.monotonic() - passage.entered_at)
    if not may_post(
        remaining_lease_seconds=remaining, post_timeout_seconds=desk.gateway.endpoint.total_timeout_seconds
    ):
        return release(desk, intent, "woke up too late: too little was left of the lease to send")
    try:
        report = desk.client.submit(intent.request)
        answered = time.monotonic()
    except (Unavailable, Unauthorized, Halted) as error:
        reach("after_answer")
        intent = release(desk, intent, str(error))
        if isinstance(error, Halted):
            pause_gateway(desk, intent.account, desk.settings.halted_pause_seconds, f"halted: {error}")
        raise
    except IdExists as error:
        reach("after_answer")
        return _id_exists(desk, intent, error)
    except Rejected as error:
        reach("after_answer")
        _record_answer(desk, passage)
        return desk.ledger.orders.save(
            intent,
            event="rejected",
            actor=desk.actor,
            detail={"status": error.status, "message": str(error)},
            state="rejected",
            gateway_status="rejected",
            message=str(error),
            lease_owner=None,
            lease_until=None,
        )
    except BookMismatch as error:
        reach("after_answer")
        intent = mark_unknown(desk, intent, str(error))
        stop_trading(desk, intent.account, "other_payload", intent.client_order_id, str(error), intent=intent)
        raise
    except (OutcomeUnknown, InvalidData) as error:
        reach("after_answer")
        return mark_unknown(desk, intent, str(error))
    reach("after_answer")
    _record_answer(desk, passage)
    reach("before_booking")
    if state_of(report) in FINAL - REFUSED - {"dry_run"}:
        # The order was there already. An answer to a POST never says what was filled: tracking asks.
        report = report.model_copy(update={"status": "submitted"})
    if desk.gateway.contract == "v1" and report.gateway_order_id not in gateway_ids(desk, intent):
        stop_trading(
            desk,
            intent.account,
            "other_id",
            intent.client_order_id,
            f"order {intent.client_order_id}: the v1 gateway stored it as {report.gateway_order_id}, not under an id "
            "computed from its strategy and broker_timezone: a lost answer could not be looked up",
            intent=intent,
        )
    # Too early by what the gate's time took to come here, and by a suspension of the machine, which this clock does
    # not count; no lease, window or proof depends on it.
    answered_at = passage.now + timedelta(seconds=answered - passage.locked_at)
    intent = apply_report(desk, intent, report, "answered", at=answered_at)
    reach("after_booking")
    return intent


def _record_answer(desk: Desk, passage: Passage) -> None:
    # A failure that another worker counted since the gate is forgotten with the next answer.
    if passage.failures > 0:
        desk.ledger.accounts.record_answer(passage.intent.account)


def _id_exists(desk: Desk, intent: Intent, error: IdExists) -> Intent:
    """An id that is taken may be our own earlier try: only a look-up tells. A 409 says another payload holds it."""
    intent = mark_unknown(desk, intent, str(error), gateway_status=ID_EXISTS)
    if error.status == 409:
        stop_trading(desk, intent.account, "id_conflict", intent.client_order_id, str(error), intent=intent)
        raise BookMismatch(f"order {intent.client_order_id}: {error}; account {intent.account} is halted")
    return intent


def _wait_or_raise(desk: Desk, account: str, error: Unavailable, waits: Iterator[float]) -> None:
    """Nothing was stored: wait as often and as long as the settings say, then leave it to the task's own retries."""
    if isinstance(error, LedgerUnavailable):
        raise error
    if isinstance(error, Paused):
        pause_gateway(desk, account, error.retry_after_seconds, str(error))
        if error.retry_after_seconds > desk.settings.longest_wait_seconds:
            raise error
        desk.sleep(error.retry_after_seconds)
        return
    if desk.ledger.accounts.record_failure(account) >= desk.settings.failures_before_pause:
        pause_gateway(desk, account, desk.settings.failure_pause_seconds, f"{UNREACHABLE}: {error}")
    seconds = next(waits, None)
    if seconds is None:
        raise error
    desk.sleep(seconds)


def _wait(desk: Desk, passage: Passage) -> None:
    """Wait as the gate said; a long pause of the gateway is left to the task's retries."""
    decision, intent, now = passage.decision, passage.intent, passage.now
    if decision.until is None:
        raise TypeError("a gate that says wait says until when")
    seconds = (decision.until - now).total_seconds()
    if decision.reason.startswith("gateway_paused"):
        if UNREACHABLE in decision.reason:
            raise Unavailable(f"order {intent.client_order_id} stays planned: {decision.reason}")
        if seconds > desk.settings.longest_wait_seconds:
            raise Paused(f"order {intent.client_order_id} stays planned: {decision.reason}", seconds)
    if decision.reason == "before_the_open":
        raise Unavailable(f"order {intent.client_order_id} stays planned until {decision.until:%H:%M} UTC")
    # Somebody else's lease usually ends early, with an answer: look often.
    desk.sleep(min(seconds, desk.settings.poll_every_seconds) if "another worker" in decision.reason else seconds)
