"""What a report changes of its order, and what of it cannot be true: pure, so that it can be checked exhaustively."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from include.trading.models import Fill, Mode, OrderReport, Side
from include.trading.states import FINAL, NEVER_SENT, REFUSED, TRANSITIONS, fill_contradiction, state_of


class KnownOrder(Protocol):
    """An order as it is known before a report; the ledger's row is one."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def symbol(self) -> str: ...
    @property
    def side(self) -> Side: ...
    @property
    def quantity(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def gateway_order_id(self) -> str | None: ...
    @property
    def broker_order_id(self) -> str | None: ...
    @property
    def gateway_status(self) -> str | None: ...
    @property
    def message(self) -> str | None: ...
    @property
    def filled_quantity(self) -> Decimal: ...
    @property
    def filled_avg_price(self) -> Decimal | None: ...


@dataclass(frozen=True)
class Contradiction:
    """Something about a report that cannot be true. kind: the kind of break; message: a sentence."""

    kind: str
    message: str


@dataclass(frozen=True)
class Booking:
    """What follows from a report.

    state: the order's from now on. columns: what else of it changes, new value by name.
    fills: the executions to book; some may be booked already.
    acknowledges: the gateway has the order.
    """

    state: str
    columns: dict[str, Any] = field(default_factory=dict)
    fills: tuple[Fill, ...] = ()
    acknowledges: bool = False
    contradictions: tuple[Contradiction, ...] = ()


# Columns that repeat the gateway's own words, with the report's field of each.
_WORDS: Final = {
    "gateway_order_id": "gateway_order_id",
    "broker_order_id": "broker_order_id",
    "gateway_status": "status",
    "message": "message",
}


def book(order: KnownOrder, report: OrderReport) -> Booking:
    """Return what a report changes. One that contradicts the order is booked as far as it is certain."""
    found = contradictions(order, report)
    if any(problem.kind == "other_payload" for problem in found):
        # Nothing in a report on some other order says anything about ours.
        return Booking(order.state, contradictions=found)
    state = state_of(report)
    if order.state == "open" and state == "unknown":
        # Once acknowledged it stays open: an answer without the broker's id does not take that back.
        state = "open"
    columns: dict[str, Any] = {}
    if report.filled_quantity > order.filled_quantity:
        columns["filled_quantity"] = report.filled_quantity
    if report.filled_avg_price is not None and report.filled_avg_price != order.filled_avg_price:
        columns["filled_avg_price"] = report.filled_avg_price
    for column, name in _WORDS.items():
        value = getattr(report, name)
        if value is not None and value != getattr(order, column):
            columns[column] = value
    unique = {fill.fill_id: fill for fill in report.fills}
    return Booking(
        state=state if state in TRANSITIONS[order.state] else order.state,
        columns=columns,
        fills=(*unique.values(), *_rest(order, report, unique)),
        acknowledges=state != "unknown" and state not in REFUSED,
        contradictions=found,
    )


def contradictions(order: KnownOrder, report: OrderReport) -> tuple[Contradiction, ...]:
    """Return what of the report cannot be true."""
    if (report.symbol, report.side, report.quantity) != (order.symbol, order.side, Decimal(order.quantity)):
        words = f"the gateway has {report.side} {report.quantity} {report.symbol} under this id"
        return (Contradiction("other_payload", words),)
    found: list[tuple[str, str]] = []
    state = state_of(report)
    if order.state in NEVER_SENT and order.attempt > 0:
        found.append(("appeared", f"proven absent before, now the gateway says {report.status}"))
    elif order.state in NEVER_SENT:
        found.append(("never_sent", f"we never sent it ({order.state}), the gateway says {report.status}"))
    elif order.state in FINAL and state != order.state and state not in TRANSITIONS[order.state]:
        found.append(("final_changed", f"it was {order.state}, which is final; the gateway now says {report.status}"))
    if (state == "dry_run") != (order.mode == "dry_run"):
        found.append(("gateway_mode", f"answered {report.status} to an order of mode {order.mode}"))
    problem = fill_contradiction(state, Decimal(order.quantity), report.filled_quantity, order.filled_quantity)
    if problem is not None:
        found.append(("impossible_fill", problem))
    unique = {fill.fill_id: fill for fill in report.fills}
    listed = sum((fill.quantity for fill in unique.values()), Decimal(0))
    if listed > report.filled_quantity and state in FINAL:
        found.append(("fills_differ", f"its fills add up to {listed}, the order says {report.filled_quantity}"))
    if len(unique) < len(report.fills) and listed < report.filled_quantity:
        found.append(("fills_differ", f"a fill is counted twice: {listed} in fills, {report.filled_quantity} filled"))
    return tuple(Contradiction(kind, message) for kind, message in found)


def _rest(order: KnownOrder, report: OrderReport, listed: dict[str, Fill]) -> list[Fill]:
    """Return the part of the filled quantity for which the gateway gave no fills of its own, as one fill (v1: all).

    Its id holds the quantity before and after, so that the same report books it once.
    """
    known = sum((fill.quantity for fill in listed.values()), Decimal(0))
    before = max(order.filled_quantity, known)
    more = report.filled_quantity - before
    if listed or more <= 0 or report.filled_avg_price is None:
        return []
    fill_id = f"{order.client_order_id}:{before.normalize():f}-{report.filled_quantity.normalize():f}"
    return [Fill(fill_id=fill_id, quantity=more, price=report.filled_avg_price)]
