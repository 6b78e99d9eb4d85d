"""Book what the gateway says of an order: its state, its fills, and everything about it that cannot be true."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from include.execution.desk import Desk, stop_trading
from include.ledger.orders import UNSTORABLE, IdHeld, Overtaken
from include.trading.alerts.catalogue import FILLS_AHEAD
from include.trading.errors import BookMismatch, TradingError
from include.trading.models import OrderReport
from include.trading.order.booking import SETTLED, Booking, Contradiction, book
from include.trading.order.fills import says_too_little, with_executions
from include.trading.order.row import Intent
from include.trading.order.states import FINAL, NEVER_SENT, UNRESOLVED

# How far the venue's clock may be from the ledger's.
CLOCK_MARGIN = timedelta(minutes=5)
# What the ledger cannot store or we cannot calculate with, however often it is tried: it belongs to its one order.
UNBOOKABLE = (*UNSTORABLE, ValueError, ArithmeticError)
# Errors that are not ours and come again with every try.
CANNOT_CHANGE = (*UNBOOKABLE, TypeError, LookupError)
# Events of a POST that stored nothing; those that the gateway only put off are not counted as attempts.
NOTHING_STORED, PUT_OFF = "nothing_stored", "put_off"


def apply_report(desk: Desk, intent: Intent, report: OrderReport, event: str) -> Intent:
    """Book a report on an order that was sent; return the order as the ledger has it now.

    A report that contradicts the order or itself is a break: the account halts, and what is certain is booked still.
    Raises BookMismatch for one that cannot be booked at all, which is a break too.
    """
    try:
        while True:
            try:
                return _apply(desk, intent, report, event)
            except Overtaken:
                intent = reread(desk, intent)
            if intent.state not in NEVER_SENT | UNRESOLVED and intent.reason != SETTLED:
                # Another worker booked a report meanwhile; ours may be the older one and look like a contradiction.
                return note_late_answer(desk, intent, report.status, live=False) if event == "answered" else intent
    except IdHeld as error:
        stop_trading(desk, intent.account, "id_held", intent.client_order_id, str(error), intent=intent)
        raise
    except UNBOOKABLE as error:
        # The words may hold what made it unbookable.
        words = f"a report on it cannot be booked: {type(error).__name__}: {ascii(str(error))[:500]}"
        _tell(desk, intent, Contradiction("unbookable", words), {"report": ascii(report)[:2000]})
        raise BookMismatch(f"order {intent.client_order_id}: {words}") from error


def whole_report(desk: Desk, intent: Intent, report: OrderReport, *, doubted: bool = False) -> OrderReport:
    """Return the report with the venue's own list of executions where it says too little, or our books doubt it.

    Only for a venue that has such a list; one that does not answer leaves the report as it is.
    """
    if not desk.gateway.traits.lists_fills or report.broker_order_id is None:
        return report
    if not doubted and not says_too_little(report):
        return report
    since = (intent.first_sent_at or desk.ledger.now()) - CLOCK_MARGIN
    try:
        fills = desk.gateway.fills(since, report.broker_order_id)
    except TradingError:
        return report
    return with_executions(report, fills.get(report.broker_order_id, ()))


def reread(desk: Desk, intent: Intent) -> Intent:
    """Return the order as the ledger has it now."""
    current = desk.ledger.orders.get(intent.client_order_id)
    if current is None:
        raise LookupError(f"no order {intent.client_order_id} in the ledger")
    return current


def note_late_answer(desk: Desk, intent: Intent, words: str, *, live: bool) -> Intent:
    """Record the answer to a POST that came when the order had moved on; return the order as it is.

    live: it says that the gateway has the order. That contradicts an end without the gateway: a break.
    """
    while True:
        intent = reread(desk, intent)
        try:
            intent = desk.ledger.orders.save(
                intent, event="answered_late", actor=desk.actor, detail={"answer": words[:2000]}
            )
            break
        except Overtaken:
            continue
    if live and intent.state in FINAL and (intent.reason == SETTLED or intent.state in NEVER_SENT):
        message = f"it ended as {intent.state}, and then its answer came: {words}"
        _tell(desk, intent, Contradiction("answered_after_end", message), {"answer": words[:2000]})
    return intent


def _apply(desk: Desk, intent: Intent, report: OrderReport, event: str) -> Intent:
    orders = desk.ledger.orders
    booked = orders.executions(intent.id) if intent.filled_quantity > 0 else []
    booking = book(intent, report, booked=booked)
    detail = report.model_dump(mode="json", exclude={"raw"})
    for problem in booking.contradictions:
        _tell(desk, intent, problem, {"report": detail})
    changes = _changes(desk, intent, booking)
    # For the record only: when the ledger took note of it.
    stamped = ["acknowledged_at"] if booking.acknowledges and intent.acknowledged_at is None else []
    if not changes and not booking.fills and not stamped:
        return intent
    return orders.save(
        intent,
        event=event,
        actor=desk.actor,
        detail=detail,
        fills=booking.fills,
        stamped=stamped,
        clock_offset=desk.ledger.clock_offset,
        **changes,
    )


def _tell(desk: Desk, intent: Intent, problem: Contradiction, detail: dict[str, Any]) -> None:
    id, message = intent.client_order_id, f"order {intent.client_order_id} ({intent.words}): {problem.message}"
    if problem.halts:
        stop_trading(desk, intent.account, problem.kind, id, message, intent=intent, detail=detail)
        return
    # The one contradiction that does not halt.
    desk.ledger.alerts.raise_alert(
        FILLS_AHEAD.alarm(FILLS_AHEAD.key(intent.account, id), message),
        strategy_id=intent.strategy_id,
        account=intent.account,
    )


def _changes(desk: Desk, intent: Intent, booking: Booking) -> dict[str, Any]:
    """Return the columns that a booking changes, times included; empty when it says nothing new."""
    changes = dict(booking.columns)
    if booking.state != intent.state:
        changes["state"] = booking.state
        if booking.state != "unknown":
            changes["unknown_since"] = None
        elif intent.unknown_since is None:
            changes["unknown_since"] = desk.ledger.now()
    if booking.state in FINAL:
        changes |= {"lease_owner": None, "lease_until": None}
    return {column: value for column, value in changes.items() if value != getattr(intent, column)}


def mark_unknown(desk: Desk, intent: Intent, why: str, gateway_status: str | None = None) -> Intent:
    """Note that the outcome of the order's POST is not known; the proof counts from now on, or from its time-out."""
    now = desk.ledger.now()
    return desk.ledger.orders.save(
        intent,
        event="outcome_unknown",
        actor=desk.actor,
        detail={"why": why[:2000]},
        state="unknown",
        unknown_since=now,
        # A worker that was held up may have sent long after it claimed the order.
        post_timed_out_at=max(intent.post_timed_out_at or now, now),
        message=why[:2000],
        gateway_status=gateway_status or intent.gateway_status,
        lease_owner=None,
        lease_until=None,
    )


def release(desk: Desk, intent: Intent, why: str, *, event: str = NOTHING_STORED) -> Intent:
    """Put an order whose POST stored nothing, by the gateway's own word or because it never left, back to planned."""
    return desk.ledger.orders.save(
        intent,
        event=event,
        actor=desk.actor,
        detail={"why": why[:2000]},
        state="planned",
        message=why[:2000],
        lease_owner=None,
        lease_until=None,
    )


def pause_gateway(desk: Desk, account: str, seconds: float, reason: str) -> datetime:
    """Make every worker leave the gateway alone for a while; return until when."""
    until = desk.ledger.now() + timedelta(seconds=seconds)
    desk.ledger.accounts.pause(account, until, reason[:500])
    return until
