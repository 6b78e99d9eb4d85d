"""Book what the gateway says of an order: its state, its fills, and everything about it that cannot be true."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from include.execution.desk import Desk, stop_trading
from include.ledger.orders import IdHeld, Overtaken
from include.ledger.records import Intent
from include.trading.models import Fill, OrderReport
from include.trading.states import FINAL, NEVER_SENT, REFUSED, TRANSITIONS, UNRESOLVED, fill_contradiction, state_of


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
    problems = contradictions(intent, report)
    for kind, message in problems:
        stop_trading(
            desk,
            intent.account,
            kind,
            intent.client_order_id,
            f"order {intent.client_order_id} ({intent.side} {intent.quantity} {intent.symbol}): {message}",
            intent=intent,
            detail={"report": report.model_dump(mode="json", exclude={"raw"})},
        )
    if any(kind == "other_payload" for kind, _ in problems):
        # Nothing in a report on some other order says anything about ours.
        return intent
    changes = _changes(desk, intent, report, at)
    unique = {fill.fill_id: fill for fill in report.fills}
    fills = [*unique.values(), *_rest(intent, report, unique)]
    orders = desk.ledger.orders
    if changes:
        detail = report.model_dump(mode="json", exclude={"raw"})
        return orders.save(intent, event=event, actor=desk.actor, detail=detail, fills=fills, **changes)
    if fills:
        orders.book_fills(intent, fills)
    return intent


def contradictions(intent: Intent, report: OrderReport) -> list[tuple[str, str]]:
    """Return what of the report cannot be true, as (kind of break, sentence)."""
    if (report.symbol, report.side, report.quantity) != (intent.symbol, intent.side, Decimal(intent.quantity)):
        return [("other_payload", f"the gateway has {report.side} {report.quantity} {report.symbol} under this id")]
    found: list[tuple[str, str]] = []
    state = state_of(report)
    if intent.state in NEVER_SENT and intent.attempt > 0:
        found.append(("appeared", f"proven absent before, now the gateway says {report.status}"))
    elif intent.state in NEVER_SENT:
        found.append(("never_sent", f"we never sent it ({intent.state}), the gateway says {report.status}"))
    elif intent.state in FINAL and state != intent.state and state not in TRANSITIONS[intent.state]:
        found.append(("final_changed", f"it was {intent.state}, which is final; the gateway now says {report.status}"))
    if (state == "dry_run") != (intent.mode == "dry_run"):
        found.append(("gateway_mode", f"answered {report.status} to an order of mode {intent.mode}"))
    problem = fill_contradiction(state, Decimal(intent.quantity), report.filled_quantity, intent.filled_quantity)
    if problem is not None:
        found.append(("impossible_fill", problem))
    unique = {fill.fill_id: fill for fill in report.fills}
    listed = sum((fill.quantity for fill in unique.values()), Decimal(0))
    if listed > report.filled_quantity and state in FINAL:
        found.append(("fills_differ", f"its fills add up to {listed}, the order says {report.filled_quantity}"))
    if len(unique) < len(report.fills) and listed < report.filled_quantity:
        found.append(("fills_differ", f"a fill is counted twice: {listed} in fills, {report.filled_quantity} filled"))
    return found


def _changes(desk: Desk, intent: Intent, report: OrderReport, at: datetime | None) -> dict[str, Any]:
    """Return the columns a report changes; empty when it says nothing new."""
    state = state_of(report)
    if intent.state == "open" and state == "unknown":
        # Once acknowledged it stays open: an answer without the broker's id does not take that back.
        state = "open"
    changes: dict[str, Any] = {}
    if state != intent.state and state in TRANSITIONS[intent.state]:
        changes["state"] = state
        if state != "unknown":
            changes["unknown_since"] = None
        elif intent.unknown_since is None:
            changes["unknown_since"] = desk.ledger.now()
    if intent.acknowledged_at is None and state != "unknown" and state not in REFUSED:
        changes["acknowledged_at"] = at or desk.ledger.now()
    if report.filled_quantity > intent.filled_quantity:
        changes["filled_quantity"] = report.filled_quantity
    if report.filled_avg_price is not None and report.filled_avg_price != intent.filled_avg_price:
        changes["filled_avg_price"] = report.filled_avg_price
    for column, value in (
        ("gateway_order_id", report.gateway_order_id),
        ("broker_order_id", report.broker_order_id),
        ("gateway_status", report.status),
        ("message", report.message),
    ):
        if value is not None and value != getattr(intent, column):
            changes[column] = value
    if changes.get("state", intent.state) in FINAL:
        changes |= {"lease_owner": None, "lease_until": None}
    return {column: value for column, value in changes.items() if value != getattr(intent, column)}


def _rest(intent: Intent, report: OrderReport, listed: dict[str, Fill]) -> list[Fill]:
    """Return the part of the filled quantity for which the gateway gave no fills of its own, as one fill (v1: all).

    Its id holds the quantity before and after, so that the same report books it once.
    """
    known = sum((fill.quantity for fill in listed.values()), Decimal(0))
    before = max(intent.filled_quantity, known)
    more = report.filled_quantity - before
    if listed or more <= 0 or report.filled_avg_price is None:
        return []
    fill_id = f"{intent.client_order_id}:{before.normalize():f}-{report.filled_quantity.normalize():f}"
    return [Fill(fill_id=fill_id, quantity=more, price=report.filled_avg_price)]


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
