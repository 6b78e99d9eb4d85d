"""Book what the gateway says of an order: its state, its fills, and everything about it that cannot be true."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from include.execution.desk import Desk, stop_trading
from include.ledger.orders import IdHeld, Overtaken
from include.ledger.records import Intent
from include.trading.booking import Booking, book
from include.trading.models import OrderReport
from include.trading.states import FINAL, NEVER_SENT, UNRESOLVED


def apply_report(desk: Desk, intent: Intent, report: OrderReport, event: str, *, at: datetime | None = None) -> Intent:
    """Book a report on an order that was sent; return the order as the ledger has it now.

    at: when it came, by the ledger's clock, which is asked where nobody knows. For the record only.
    A report that contradicts the order or itself is a break: the account halts, and what is certain is booked still.
    """
    try:
        try:
            return _apply(desk, intent, report, event, at)
        except Overtaken:
            current = desk.ledger.orders.get(intent.client_order_id)
            if current is None:
                raise
            if current.state not in NEVER_SENT | UNRESOLVED:
                # Somebody booked a report meanwhile; ours may be the older one and would look like a contradiction.
                return current
            return _apply(desk, current, report, event, at)
    except IdHeld as error:
        stop_trading(desk, intent.account, "id_held", intent.client_order_id, str(error), intent=intent)
        raise


def _apply(desk: Desk, intent: Intent, report: OrderReport, event: str, at: datetime | None) -> Intent:
    booking = book(intent, report)
    for problem in booking.contradictions:
        stop_trading(
            desk,
            intent.account,
            problem.kind,
            intent.client_order_id,
            f"order {intent.client_order_id} ({intent.side} {intent.quantity} {intent.symbol}): {problem.message}",
            intent=intent,
            detail={"report": report.model_dump(mode="json", exclude={"raw"})},
        )
    changes = _changes(desk, intent, booking, at)
    orders = desk.ledger.orders
    if changes:
        detail = report.model_dump(mode="json", exclude={"raw"})
        return orders.save(intent, event=event, actor=desk.actor, detail=detail, fills=booking.fills, **changes)
    if booking.fills:
        orders.book_fills(intent, booking.fills)
    return intent


def _changes(desk: Desk, intent: Intent, booking: Booking, at: datetime | None) -> dict[str, Any]:
    """Return the columns that a booking changes, times included; empty when it says nothing new."""
    changes = dict(booking.columns)
    if booking.state != intent.state:
        changes["state"] = booking.state
        if booking.state != "unknown":
            changes["unknown_since"] = None
        elif intent.unknown_since is None:
            changes["unknown_since"] = desk.ledger.now()
    if booking.acknowledges and intent.acknowledged_at is None:
        changes["acknowledged_at"] = at or desk.ledger.now()
    if booking.state in FINAL:
        changes |= {"lease_owner": None, "lease_until": None}
    return {column: value for column, value in changes.items() if value != getattr(intent, column)}


def mark_unknown(desk: Desk, intent: Intent, why: str, gateway_status: str | None = None) -> Intent:
    """Note that nobody knows what became of the order's POST; from now on, or from its time-out, counts the proof."""
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


def release(desk: Desk, intent: Intent, why: str) -> Intent:
    """Put an order whose POST provably stored nothing back to planned."""
    return desk.ledger.orders.save(
        intent,
        event="nothing_stored",
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
