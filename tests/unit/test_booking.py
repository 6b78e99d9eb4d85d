"""What a report changes of an order, and what of a report cannot be true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from include.trading.booking import book
from include.trading.models import Fill, Mode, OrderReport, Side


@dataclass(frozen=True)
class Known:
    """An order of 10 AAPL that was sent and acknowledged, unless a test says otherwise."""

    client_order_id: str = "p1"
    mode: Mode = "paper"
    symbol: str = "AAPL"
    side: Side = "buy"
    quantity: int = 10
    state: str = "open"
    attempt: int = 1
    gateway_order_id: str | None = "p1"
    broker_order_id: str | None = "broker-1"
    gateway_status: str | None = "pending_new"
    message: str | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_avg_price: Decimal | None = None


SENT = replace(Known(), state="sending", gateway_order_id=None, broker_order_id=None, gateway_status=None)


def says(status: str, **words: Any) -> OrderReport:
    """A report on that order; quantities and prices as text."""
    values: dict[str, Any] = {
        "gateway_order_id": "p1",
        "broker_order_id": "broker-1",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": 10,
        "status": status,
    }
    return OrderReport.model_validate(values | words)


def fill(fill_id: str, quantity: str, price: str = "12.5") -> Fill:
    return Fill(fill_id=fill_id, quantity=Decimal(quantity), price=Decimal(price))


def kinds(order: Known, report: OrderReport) -> list[str]:
    return [problem.kind for problem in book(order, report).contradictions]


def test_an_acknowledgement_opens_the_order_and_keeps_the_gateways_words() -> None:
    booking = book(SENT, says("pending_new", message="Order submitted"))

    assert (booking.state, booking.acknowledges) == ("open", True)
    assert booking.columns == {
        "gateway_order_id": "p1",
        "broker_order_id": "broker-1",
        "gateway_status": "pending_new",
        "message": "Order submitted",
    }


def test_an_answer_without_the_brokers_id_acknowledges_nothing() -> None:
    booking = book(SENT, says("pending_new", broker_order_id=None))

    assert (booking.state, booking.acknowledges) == ("unknown", False)


def test_an_acknowledged_order_stays_open_when_the_brokers_id_is_missing_later() -> None:
    assert book(Known(), says("pending_new", broker_order_id=None)).state == "open"


def test_a_report_on_another_order_books_nothing() -> None:
    booking = book(Known(), says("filled", quantity=11, filled_quantity=11, filled_avg_price="12.5"))

    assert [problem.kind for problem in booking.contradictions] == ["other_payload"]
    assert (booking.state, booking.columns, booking.fills, booking.acknowledges) == ("open", {}, (), False)


@pytest.mark.parametrize(
    ("order", "report", "kind"),
    [
        (replace(Known(), state="planned"), says("new"), "appeared"),
        (replace(Known(), state="planned", attempt=0), says("new"), "never_sent"),
        (replace(Known(), state="rejected"), says("new"), "final_changed"),
        (replace(Known(), mode="dry_run"), says("new"), "gateway_mode"),
        (Known(), says("new", filled_quantity=11), "impossible_fill"),
        (Known(), says("canceled", fills=[fill("1", "2")]), "fills_differ"),
    ],
    ids=["after a proof of absence", "never sent", "after its end", "mode", "more than ordered", "fills"],
)
def test_what_cannot_be_true_is_named(order: Known, report: OrderReport, kind: str) -> None:
    assert kind in kinds(order, report)


def test_a_late_fill_of_a_canceled_order_contradicts_nothing() -> None:
    report = says("filled", filled_quantity=10, filled_avg_price="12.5", fills=[fill("1", "10")])
    booking = book(replace(Known(), state="canceled"), report)

    assert (booking.state, booking.contradictions, booking.fills) == ("filled", (), (fill("1", "10"),))
