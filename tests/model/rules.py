"""The package's own functions as the exhaustive check calls them, each behind one name so that it can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from include.adapters.venues.alpaca.answers import report_of
from include.adapters.venues.gateway.words import state_of
from include.trading.account.venue_identity import VenueIdentity, unlike
from include.trading.models import Fill, OrderReport
from include.trading.order import gate
from include.trading.order.booking import Booking, KnownOrder, book
from include.trading.order.fills import Execution
from include.trading.order.gate import GateDecision, GateFacts
from include.trading.order.states import FINAL, REFUSED, check_transition
from tests.model.world import ATTEMPT_CAP, HOME, OPENS, PROOF, TIMEOUT, Answer, Order

VENUES = (VenueIdentity(address="http://gateway-a:8002"), VenueIdentity(address="http://gateway-b:8002"))
START = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


def _at(time: int) -> datetime:
    return START + timedelta(seconds=time)


def report(quantity: int, answer: Answer) -> OrderReport:
    """Return a gateway's whole report of ("report", status, filled quantity, ids of its fills)."""
    _, status, filled, ids = answer
    broker_order_id = None if status == "rejected" else "b1"
    return OrderReport(
        gateway_order_id="p1",
        broker_order_id=broker_order_id,
        state=state_of(status, broker_order_id, None, "v2"),
        symbol="AAPL",
        side="buy",
        quantity=Decimal(quantity),
        status=status,
        filled_quantity=Decimal(filled),
        filled_avg_price=Decimal(1) if filled else None,
        fills=tuple(Fill(fill_id=id, quantity=Decimal(1), price=Decimal(1)) for id in ids),
    )


def alpacas_report(quantity: int, answer: Answer) -> OrderReport:
    """Return what the adapter reads in Alpaca's order object: it lists no fills, and a refused one has an id too."""
    _, status, filled, _ = answer
    body = {
        "id": "b1",
        "client_order_id": "p1",
        "symbol": "AAPL",
        "side": "buy",
        "qty": str(quantity),
        "status": status,
        "filled_qty": str(filled),
        "filled_avg_price": "1" if filled else None,
    }
    return report_of(body, body)


@dataclass(frozen=True)
class Rules:
    """What decides. Those that are True are parts of a step that hold inside a transaction; False leaves one out."""

    decide: Callable[[GateFacts], GateDecision] = gate.decide
    may_post: Callable[..., bool] = gate.may_post
    proven_absent: Callable[..., bool] = gate.proven_absent
    report: Callable[[int, Answer], OrderReport] = report
    book: Callable[..., Booking] = book
    check_transition: Callable[[str, str], None] = check_transition
    unlike: Callable[[VenueIdentity, VenueIdentity], str | None] = unlike
    compares_and_sets: bool = True
    claims_before_post: bool = True
    looks_up: bool = True
    heeds_taken_id: bool = True
    dates_by_asking: bool = True
    doubts_silence: bool = True
    knows_fills: bool = True
    closes_revision: bool = True
    stops_at_unknown: bool = True
    reads_book_at_once: bool = True
    looks_again: bool = True
    compares_books: bool = True

    def is_home(self, venue: int) -> bool:
        """Whether a worker that is led to this venue finds it to be the account's own."""
        return self.unlike(VENUES[HOME], VENUES[venue]) is None


@cache
def decision(rules: Rules, order: Order, time: int, until: int, *, plan_open: bool, halted: bool) -> str:
    """Return the gate's outcome; never asked again for facts it was asked for."""
    facts = GateFacts(
        now=_at(time),
        state=order.state,
        reduces=False,
        attempt=order.attempt,
        filled=order.filled > 0,
        lease_until=None if order.lease is None else _at(order.lease),
        plan_open=plan_open,
        window_opens=_at(OPENS),
        send_until=_at(until),
        account_state="halted" if halted else "active",
        account_reason=None,
        paused_until=None,
        pause_reason=None,
        pace_reached_at=None,
        attempt_cap=ATTEMPT_CAP,
        id_collision=None,
    )
    return rules.decide(facts).outcome


def may_post(rules: Rules, *, now: int, lease_until: int, until: int) -> bool:
    return rules.may_post(
        now=_at(now), lease_until=_at(lease_until), send_until=_at(until), post_timeout_seconds=TIMEOUT
    )


def is_proven(rules: Rules, order: Order, time: int) -> bool:
    if order.id_taken and rules.heeds_taken_id:
        return False
    timed_out = _at(order.timed_out if order.timed_out is not None else time)
    return rules.proven_absent(
        not_found_before=order.not_found, now=_at(time), post_timed_out_at=timed_out, proof_seconds=PROOF
    )


@cache
def booked(rules: Rules, order: Order, answer: Answer, *, answered: bool) -> tuple[Order, bool]:
    """Return the order after a report, and whether the report contradicts it.

    answered: it came in answer to a POST, which never says what was filled.
    """
    told = rules.report(order.quantity, answer)
    if answered and told.state in FINAL - REFUSED:
        told = told.model_copy(update={"state": "open", "status": "submitted"})
    row: Any = SimpleNamespace(
        client_order_id="p1",
        mode="paper",
        symbol="AAPL",
        side="buy",
        quantity=Decimal(order.quantity),
        state=order.state,
        reason=None,
        attempt=order.attempt,
        gateway_order_id=None,
        broker_order_id=None,
        gateway_status=None,
        message=None,
        filled_quantity=Decimal(order.filled),
        filled_avg_price=None,
    )
    rows = list(order.fills)
    known = [Execution(fill_id=id, quantity=Decimal(quantity), price=Decimal(1)) for id, quantity in rows]
    found = rules.book(cast("KnownOrder", row), told, booked=known if rules.knows_fills else ())
    for fill in found.fills:
        if not rules.knows_fills or fill.fill_id not in dict(rows):
            rows.append((fill.fill_id, int(fill.quantity)))
    new = order._replace(
        state=found.state,
        filled=int(found.columns.get("filled_quantity", order.filled)),
        fills=tuple(rows),
        known=order.known or found.acknowledges,
        lease=order.lease if found.state == "sending" else None,
    )
    return new, any(problem.halts for problem in found.contradictions)
