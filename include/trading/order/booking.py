"""What a report changes of its order, and what of it cannot be true: pure, so that it can be checked exhaustively."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from include.trading.models import Mode, OrderReport, Side
from include.trading.numbers import shares
from include.trading.order.fills import (
    Execution,
    average_price,
    executions_to_book,
    listed,
    real_executions,
    rounded_price,
    total,
)
from include.trading.order.states import (
    FINAL,
    LATE_FILL,
    NEVER_SENT,
    REFUSED,
    TRADED,
    TRANSITIONS,
    fill_contradiction,
)


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
    def quantity(self) -> Decimal: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
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
    """Something about a report that cannot be true. kind: the kind of break; message: a sentence.

    halts: the books cannot be trusted. Otherwise what is certain explains the whole order, and it is only reported.
    """

    kind: str
    message: str
    halts: bool = True


@dataclass(frozen=True)
class Booking:
    """The consequences of a report.

    state: the order's from now on. columns: what else of it changes, new value by name.
    fills: the executions to book; with those booked before they add up to the filled quantity.
    acknowledges: the gateway has the order.
    """

    state: str
    columns: dict[str, Any] = field(default_factory=dict)
    fills: tuple[Execution, ...] = ()
    acknowledges: bool = False
    contradictions: tuple[Contradiction, ...] = ()


# Columns that repeat the gateway's own words, with the report's field of each.
_WORDS: Final = {
    "gateway_order_id": "gateway_order_id",
    "broker_order_id": "broker_order_id",
    "gateway_status": "status",
    "message": "message",
}
# The reason of an order that a person ended.
SETTLED: Final = "settled"
_ZERO: Final = Decimal(0)


def book(order: KnownOrder, report: OrderReport, *, booked: Collection[Execution] = ()) -> Booking:
    """Return what a report changes. One that contradicts the order is booked as far as it is certain.

    booked: the order's executions that are booked already.
    """
    found = contradictions(order, report, booked)
    if any(problem.kind == "other_payload" for problem in found):
        # Nothing in a report on some other order says anything about ours.
        return Booking(order.state, contradictions=found)
    known = _known(order, report, booked)
    filled = max(order.filled_quantity, report.filled_quantity or _ZERO, total(known))
    fills = executions_to_book(order.client_order_id, booked, known, filled, report)
    state = _state(order, report, filled)
    columns: dict[str, Any] = {}
    if filled > order.filled_quantity:
        columns["filled_quantity"] = filled
    price = rounded_price(report.filled_avg_price)
    if price is None or (report.filled_quantity or _ZERO) < filled:
        price = average_price((*booked, *fills)) or price
    if price is not None and price != order.filled_avg_price:
        columns["filled_avg_price"] = price
    for column, name in _WORDS.items():
        value = getattr(report, name)
        if value is not None and value != getattr(order, column):
            columns[column] = value
    acknowledges = state != "unknown" and state not in REFUSED
    if acknowledges and order.state != state and order.state != "open":
        # Why it was in doubt, or thought unsent or ended, is no longer so.
        columns |= {"message": report.message, "reason": None}
    return Booking(state=state, columns=columns, fills=fills, acknowledges=acknowledges, contradictions=found)


def ends_without_quantity(word: str | None, state: str) -> bool:
    """Say whether the gateway calls an order ended that is still followed, because it did not say how it ended."""
    return state == "open" and word in TRADED


def contradicts_itself(report: OrderReport) -> bool:
    """Say whether the report's status is no word to rely on: its own executions or its quantity deny it."""
    own, said = total(listed(report)), report.filled_quantity or _ZERO
    return own > said or (report.state == "filled" and max(own, said) < report.quantity)


def contradictions(
    order: KnownOrder, report: OrderReport, booked: Collection[Execution] = ()
) -> tuple[Contradiction, ...]:
    """Return what of the report cannot be true."""
    if (report.symbol, report.side, report.quantity) != (order.symbol, order.side, order.quantity):
        words = f"the gateway has {report.words} under this id"
        return (Contradiction("other_payload", words),)
    return (*_of_state(order, report, booked), *_of_fills(order, report, booked))


def _known(order: KnownOrder, report: OrderReport, booked: Collection[Execution]) -> tuple[Execution, ...]:
    """Return all executions of the gateway's own that count: executions count whatever quantity and status say.

    A list that goes beyond the order where its quantity does not is no list to rely on: what it adds is left out.
    """
    before = real_executions(order.client_order_id, booked)
    known = tuple(({each.fill_id: each for each in listed(report)} | {each.fill_id: each for each in before}).values())
    return known if total(known) <= max(order.quantity, report.filled_quantity or _ZERO) else before


def _state(order: KnownOrder, report: OrderReport, filled: Decimal) -> str:
    state = _meant(order, report, filled)
    # No way leads back from open to unknown: an answer without the broker's id takes no acknowledgement back.
    return state if state in TRANSITIONS[order.state] else order.state


def _meant(order: KnownOrder, report: OrderReport, filled: Decimal) -> str:
    """Return the state that word and quantity mean together: all filled is filled, no end without its quantity."""
    state = report.state
    if filled >= order.quantity and order.mode != "dry_run":
        return "filled"
    if order.reason == SETTLED and order.state in FINAL and contradicts_itself(report):
        # A person looked at the broker because the gateway's own words cannot be relied on.
        return order.state
    if state == "filled":
        return "open"
    says_nothing_of_it = report.filled_quantity is None and not report.fills
    return "open" if state in TRADED - {order.state} and says_nothing_of_it else state


def _of_state(order: KnownOrder, report: OrderReport, booked: Collection[Execution]) -> Iterator[Contradiction]:
    filled = max(order.filled_quantity, report.filled_quantity or _ZERO, total(_known(order, report, booked)))
    state = _meant(order, report, filled)
    if order.state in NEVER_SENT and order.attempt > 0:
        yield Contradiction("appeared", f"it was thought unsent, now the gateway says {report.status}")
    elif order.state in NEVER_SENT:
        yield Contradiction("never_sent", f"we never sent it ({order.state}), the gateway says {report.status}")
    elif order.state in FINAL and state not in (order.state, "unknown") and not _fills_late(order, state):
        words = f"it was {order.state}, which is final; the gateway now says {report.status}"
        yield Contradiction("final_changed", words)
    if report.not_ours is not None:
        yield Contradiction("not_ours", report.not_ours)
    if (report.state == "dry_run") != (order.mode == "dry_run"):
        yield Contradiction("gateway_mode", f"answered {report.status} to an order of mode {order.mode}")


def _fills_late(order: KnownOrder, state: str) -> bool:
    return order.state in LATE_FILL and state == "filled"


def _of_fills(order: KnownOrder, report: OrderReport, booked: Collection[Execution]) -> Iterator[Contradiction]:
    said, own = report.filled_quantity, total(listed(report))
    known = total(_known(order, report, booked))
    state, ordered = report.state, order.quantity
    filled = order.filled_quantity if said is None else said
    if known >= order.filled_quantity or (state == "filled" and filled < ordered):
        # The executions show more than the quantity, or the quantity is still to come: it did not fall.
        filled = max(filled, order.filled_quantity)
    problem = fill_contradiction(
        "open" if state == "filled" else state, ordered, max(filled, known), order.filled_quantity
    )
    if problem is not None:
        yield Contradiction("impossible_fill", problem)
    if said is not None and max(known, own) > said:
        words = f"its fills add up to {shares(max(known, own))}, the order says {shares(said)} ({report.status})"
        explained = own <= ordered and (known == ordered or state not in FINAL - {"filled"})
        yield Contradiction("fills_ahead" if explained else "fills_differ", words, halts=not explained)
    if len(listed(report)) < len(report.fills) and said is not None and own < said:
        yield Contradiction("fills_differ", f"a fill is counted twice: {shares(own)} in fills, {shares(said)} filled")
