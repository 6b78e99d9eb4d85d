"""Send one order, at most once: through the gate, to the gateway, and to a known outcome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from include.execution.binding import proves_absence
from include.execution.desk import Desk, check_gateway, stop_trading
from include.execution.faultpoints import reach
from include.execution.orders.pace import share_pace
from include.execution.orders.reports import (
    NOTHING_STORED,
    PUT_OFF,
    apply_report,
    mark_unknown,
    note_late_answer,
    pause_gateway,
    release,
    reread,
)
from include.execution.orders.resolve import ID_EXISTS, gateway_ids, resolve
from include.execution.settings import Settings
from include.ledger.orders import Overtaken
from include.trading.alerts.catalogue import GATEWAY_PAUSED
from include.trading.errors import (
    BookMismatch,
    Halted,
    IdExists,
    InvalidData,
    LedgerUnavailable,
    OutcomeUnknown,
    Paused,
    Rejected,
    TradingError,
    Unauthorized,
    Unavailable,
)
from include.trading.models import VenueInfo
from include.trading.order.gate import GateDecision, GateFacts, decide, may_post
from include.trading.order.row import Attempt, Intent
from include.trading.order.states import FINAL, REFUSED, UNRESOLVED
from include.trading.plan.record import PlanRecord
from include.trading.strategy.kept import settings_kept

UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Passage:
    """What the gate said about an order, and the order as it is after that.

    now: the ledger's time under the locks. failures: how many in a row the account has on reaching the gateway.
    """

    decision: GateDecision
    intent: Intent
    send_until: datetime
    now: datetime
    failures: int


class StillPaused(Paused):
    """The gateway is left alone because it asked to be: nothing was sent."""


class StillUnreachable(Unavailable):
    """The gateway is left alone because it could not be reached: nothing was tried, so no failure is counted."""


def submit_order(desk: Desk, plan_id: UUID, client_order_id: str) -> Intent:
    """Bring one order of a plan to an outcome and return it: acknowledged, final, denied or not sent.

    May be called again, at the same time, by any number of workers: the ledger lets one POST through.
    Raises InvalidData (no order of that plan), Unavailable or Paused (nothing was stored, ask later), Halted (a person
    must act), OutcomeUnknown (look-ups go on), BookMismatch (the account stopped).
    """
    waits, pauses = iter(desk.settings.quick_retry_seconds), _growing(desk.settings)
    while True:
        plan, intent, now = _read(desk, plan_id, client_order_id)
        try:
            if _is_undecided(intent):
                intent = _act(desk, _pass_gate(desk, plan, intent, _gateway_now(desk, plan, now)))
            if not _is_undecided(intent):
                return intent
        except Paused as error:
            _wait_out(desk, plan, error, pauses)
        except Unavailable as error:
            _wait_or_raise(desk, plan, error, waits)
        except Overtaken:
            continue


def _is_undecided(intent: Intent) -> bool:
    return intent.state not in FINAL and intent.state != "open"


def _gateway_now(desk: Desk, plan: PlanRecord, now: datetime) -> VenueInfo | None:
    """Return what the gateway says it is just before a POST; None once nothing may be sent any more."""
    if now >= plan.send_until:
        return None
    sandbox_only = settings_kept(plan.parameters)["sandbox_only"]
    return check_gateway(desk, plan.account, plan.mode, sandbox_only=sandbox_only, quick=True, now=now)


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
                    f"order {intent.client_order_id} ({intent.words}) may have been "
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


def _pass_gate(desk: Desk, plan: PlanRecord, intent: Intent, info: VenueInfo | None) -> Passage:
    """Decide under the locks of account, plan and order; when it is `send`, the order is ours and `sending`."""
    ids = [] if info is None else _gateway_ids(desk, plan, intent, info)
    foreign = _already_there(desk, plan, intent, ids)
    reach("before_claim")
    with desk.ledger.locked_order(plan, intent.client_order_id, ids) as (account, plan, intent, traffic):
        now = traffic.now
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
                attempt=_attempts(desk, intent),
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
    return Passage(decision, intent, plan.send_until, now, account.consecutive_failures)


def _attempts(desk: Desk, intent: Intent) -> int:
    """Return how many POSTs of the order count: not those that the gateway asked to come back with later."""
    if intent.attempt < desk.settings.attempt_cap:
        return intent.attempt
    return intent.attempt - desk.ledger.orders.times(intent.id, PUT_OFF)


def _gateway_ids(desk: Desk, plan: PlanRecord, intent: Intent, info: VenueInfo) -> list[str]:
    """Return the ids under which the gateway will hold the order if it is sent now."""
    if plan.takes_our_order_id:
        return [intent.client_order_id]
    now = desk.ledger.now()
    return desk.gateway.order_ids(intent.request, info, now, now + timedelta(seconds=desk.settings.lease_seconds))


def _already_there(desk: Desk, plan: PlanRecord, intent: Intent, ids: list[str]) -> str | None:
    """Look up an order that is about to be sent; return the id of another that the gateway would take it for.

    Only a gateway that makes its own ids, from content and day, can take it for another. Under our own id only an
    order that was sent before can be there: "nothing was stored" is no proof.
    """
    if intent.state != "planned" or (plan.takes_our_order_id and not _freed_by_word(intent)):
        return None
    for id in ids:
        try:
            report = desk.gateway.order(id)
        except OutcomeUnknown as error:
            raise Unavailable(f"order {intent.client_order_id} is not sent before it is looked up: {error}") from error
        if report is None:
            continue
        if reread(desk, intent).version != intent.version:
            raise Overtaken(f"order {intent.client_order_id} was sent by another worker while we looked it up")
        if id not in gateway_ids(desk, intent):
            return id
        # Our own earlier try is there after all: a break, and it is followed from here.
        apply_report(desk, intent, report, "looked_up_before_sending")
        return None
    if _freed_by_word(intent) and not proves_absence(desk.ledger, desk.bound, intent):
        raise Halted(
            f"order {intent.client_order_id} stays planned: it was sent before the account was bound to this gateway, "
            "which cannot say that nothing was stored where it was sent; look at the broker and trade it by hand"
        )
    return None


def _freed_by_word(intent: Intent) -> bool:
    """Say whether only the gateway's word says that the last try stored nothing; a proof of absence is more."""
    if intent.attempt == 0:
        return False
    proven, sent = intent.proven_absent_at, intent.post_timed_out_at
    return proven is None or (sent is not None and proven < sent)


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
    # The ledger's clock goes on while a worker, or its machine, stands still.
    now = desk.ledger.now()
    if not may_post(
        now=now,
        lease_until=intent.lease_until,
        send_until=passage.send_until,
        post_timeout_seconds=desk.gateway.endpoint.total_timeout_seconds,
    ):
        return release(desk, intent, "woke up too late: too little was left of the lease or the window to send")
    try:
        report = desk.client.submit(intent.request)
    except TradingError as error:
        reach("after_answer")
        share_pace(desk, intent.account)
        try:
            return _not_acknowledged(desk, passage, error)
        except Overtaken:
            note_late_answer(desk, intent, str(error), live=isinstance(error, IdExists | BookMismatch))
            raise
    reach("after_answer")
    _record_answer(desk, passage)
    reach("before_booking")
    if report.state in FINAL - REFUSED - {"dry_run"}:
        # The order was there already. An answer to a POST never says what was filled: tracking asks.
        state = "open" if report.broker_order_id else "unknown"
        report = report.model_copy(update={"state": state, "status": "submitted"})
    if not desk.gateway.traits.takes_our_order_id and report.gateway_order_id not in gateway_ids(desk, intent):
        stop_trading(
            desk,
            intent.account,
            "other_id",
            intent.client_order_id,
            f"order {intent.client_order_id}: the gateway stored it as {report.gateway_order_id}, not under an id "
            "computed from its strategy and broker_timezone: a lost answer could not be looked up",
            intent=intent,
        )
    intent = apply_report(desk, intent, report, "answered")
    reach("after_booking")
    share_pace(desk, intent.account)
    return intent


def _not_acknowledged(desk: Desk, passage: Passage, error: TradingError) -> Intent:
    """Book an answer other than an order, or that none came."""
    intent, words = passage.intent, str(error)
    match error:
        case Unavailable() | Unauthorized() | Halted():
            release(desk, intent, words, event=PUT_OFF if isinstance(error, Paused) else NOTHING_STORED)
            if isinstance(error, Halted):
                _pause(desk, intent, passage.send_until, desk.settings.halted_pause_seconds, f"halted: {error}")
            raise error
        case IdExists():
            return _id_exists(desk, intent, error)
        case Rejected():
            _record_answer(desk, passage)
            return desk.ledger.orders.save(
                intent,
                event="rejected",
                actor=desk.actor,
                detail={"status": error.status, "message": words},
                state="rejected",
                gateway_status="rejected",
                reason=error.reason,
                message=words,
                lease_owner=None,
                lease_until=None,
            )
        case BookMismatch():
            stop_trading(desk, intent.account, "other_payload", intent.client_order_id, words, intent=intent)
            mark_unknown(desk, intent, words)
            raise error
        case OutcomeUnknown() | InvalidData():
            return mark_unknown(desk, intent, words)
        case _:
            raise error


def _record_answer(desk: Desk, passage: Passage) -> None:
    # A failure that another worker counted since the gate is forgotten with the next answer.
    if passage.failures > 0:
        desk.ledger.accounts.record_answer(passage.intent.account)


def _id_exists(desk: Desk, intent: Intent, error: IdExists) -> Intent:
    """An id that is taken may be our own earlier try: only a look-up shows. A 409 says another payload holds it."""
    if error.status == 409:
        stop_trading(desk, intent.account, "id_conflict", intent.client_order_id, str(error), intent=intent)
    intent = mark_unknown(desk, intent, str(error), gateway_status=ID_EXISTS)
    if error.status == 409:
        raise BookMismatch(f"order {intent.client_order_id}: {error}; account {intent.account} is halted")
    return intent


def _growing(settings: Settings) -> Iterator[float]:
    """Yield the least waits after a gateway asked to be left alone: one that asks again waits longer."""
    seconds = settings.least_pause_seconds
    while True:
        yield min(seconds, settings.longest_wait_seconds)
        seconds *= 2


def _wait_out(desk: Desk, plan: PlanRecord, error: Paused, pauses: Iterator[float]) -> None:
    """Leave the gateway alone as long as it asked; a long pause is waited for outside of the worker."""
    if isinstance(error, StillPaused):
        raise error
    seconds = max(error.retry_after_seconds, next(pauses))
    _pause(desk, plan, plan.send_until, seconds, str(error))
    if seconds > desk.settings.longest_wait_seconds:
        raise Paused(str(error), seconds)
    desk.sleep(seconds)


def _wait_or_raise(desk: Desk, plan: PlanRecord, error: Unavailable, waits: Iterator[float]) -> None:
    """Nothing was stored: wait as often and as long as the settings say, then leave it to the task's own retries."""
    if isinstance(error, LedgerUnavailable):
        raise error
    tried = not isinstance(error, StillUnreachable)
    if tried and desk.ledger.accounts.record_failure(plan.account) >= desk.settings.failures_before_pause:
        _pause(desk, plan, plan.send_until, desk.settings.failure_pause_seconds, f"{UNREACHABLE}: {error}")
    seconds = next(waits, None)
    if seconds is None:
        raise error
    desk.sleep(seconds)


def _pause(desk: Desk, whose: PlanRecord | Intent, send_until: datetime, seconds: float, reason: str) -> None:
    """Make every worker leave the gateway alone; alert at once when no time is left to send after that."""
    until = pause_gateway(desk, whose.account, seconds, reason)
    if until >= send_until:
        desk.ledger.alerts.raise_alert(
            GATEWAY_PAUSED.alarm(
                GATEWAY_PAUSED.key(whose.account),
                f"the gateway of account {whose.account} is left alone until {until:%Y-%m-%d %H:%M} UTC, and planned "
                f"orders may be sent until {send_until:%H:%M} UTC only: {reason}",
                account=whose.account,
            ),
            strategy_id=whose.strategy_id,
            account=whose.account,
        )


def _wait(desk: Desk, passage: Passage) -> None:
    """Wait as the gate said; a long pause of the gateway is left to the task's retries."""
    decision, intent, now = passage.decision, passage.intent, passage.now
    if decision.until is None:
        raise TypeError("a gate that says wait says until when")
    seconds = (decision.until - now).total_seconds()
    if decision.reason.startswith("gateway_paused"):
        words = f"order {intent.client_order_id} stays planned: {decision.reason}"
        if UNREACHABLE in decision.reason:
            raise StillUnreachable(words)
        if seconds > desk.settings.longest_wait_seconds:
            raise StillPaused(words, seconds)
    if decision.reason == "before_the_open":
        raise Unavailable(f"order {intent.client_order_id} stays planned until {decision.until:%H:%M} UTC")
    # Another worker's lease usually ends early, with an answer: look often.
    desk.sleep(min(seconds, desk.settings.poll_every_seconds) if "another worker" in decision.reason else seconds)
