"""What a report changes of an order, and what of a report cannot be true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.trading.models import Contract, Fill, Mode, OrderReport, Side
from include.trading.order.booking import Booking, book, contradicts_itself, ends_without_quantity
from include.trading.order.fills import Execution, total
from tests.support.reports import meant


@dataclass(frozen=True)
class Known:
    """An order of 10 AAPL that was sent and acknowledged, unless a test says otherwise."""

    client_order_id: str = "p1"
    mode: Mode = "paper"
    symbol: str = "AAPL"
    side: Side = "buy"
    quantity: Decimal = Decimal(10)
    state: str = "open"
    reason: str | None = None
    attempt: int = 1
    gateway_order_id: str | None = "p1"
    broker_order_id: str | None = "broker-1"
    gateway_status: str | None = "pending_new"
    message: str | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_avg_price: Decimal | None = None


SENT = replace(Known(), state="sending", gateway_order_id=None, broker_order_id=None, gateway_status=None)


def says(status: str, *, contract: Contract = "v2", **words: Any) -> OrderReport:
    """A report on that order; quantities and prices as text."""
    values: dict[str, Any] = {
        "gateway_order_id": "p1",
        "broker_order_id": "broker-1",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": Decimal(10),
        "status": status,
        "filled_quantity": "0",
    }
    return meant(values | words, contract)


def fill(fill_id: str, quantity: str, price: str = "12.5") -> Fill:
    return Fill(fill_id=fill_id, quantity=Decimal(quantity), price=Decimal(price))


class Ledger:
    """One order as reports change it, with all that was booked."""

    def __init__(self, order: Known, contract: Contract = "v2") -> None:
        self.order, self.contract = order, contract
        self.booked: list[Execution] = []

    def hears(self, status: str, **words: Any) -> Booking:
        booking = book(self.order, says(status, contract=self.contract, **words), booked=self.booked)
        self.order = replace(self.order, state=booking.state, **booking.columns)
        self.booked += booking.fills
        ids = [each.fill_id for each in self.booked]
        assert len(ids) == len(set(ids))
        assert total(self.booked) == self.order.filled_quantity
        return booking

    @property
    def value(self) -> Decimal:
        return sum((each.quantity * (each.price or 0) for each in self.booked), Decimal(0))


def kinds(order: Known, report: OrderReport) -> list[str]:
    return [problem.kind for problem in book(order, report).contradictions]


def halting(booking: Booking) -> list[str]:
    return [problem.kind for problem in booking.contradictions if problem.halts]


def test_an_acknowledgement_opens_the_order_and_keeps_the_gateways_words() -> None:
    booking = book(SENT, says("pending_new", message="Order submitted"))

    assert (booking.state, booking.acknowledges) == ("open", True)
    assert booking.columns == {
        "gateway_order_id": "p1",
        "broker_order_id": "broker-1",
        "gateway_status": "pending_new",
        "message": "Order submitted",
        "reason": None,
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


@pytest.mark.parametrize(
    ("order", "report", "sentences"),
    [
        (Known(), says("new", quantity=11), ["the gateway has buy 11 AAPL under this id"]),
        (replace(Known(), state="planned"), says("new"), ["it was thought unsent, now the gateway says new"]),
        (
            replace(Known(), state="denied", attempt=0),
            says("new"),
            ["we never sent it (denied), the gateway says new"],
        ),
        (
            replace(Known(), state="rejected"),
            says("new"),
            ["it was rejected, which is final; the gateway now says new"],
        ),
        (replace(Known(), mode="dry_run"), says("new"), ["answered new to an order of mode dry_run"]),
        (Known(), says("dry_run"), ["answered dry_run to an order of mode paper"]),
        (replace(Known(), mode="dry_run"), says("dry_run"), []),
        (Known(), says("new", filled_quantity=11), ["filled 11 of an order for 10"]),
        (
            Known(),
            says("canceled", filled_quantity=2, fills=[fill("1", "6")]),
            ["its fills add up to 6, the order says 2 (canceled)"],
        ),
        (
            Known(),
            says("partially_filled", filled_quantity=8, fills=[fill("1", "4"), fill("1", "4")]),
            ["a fill is counted twice: 4 in fills, 8 filled"],
        ),
        (Known(), says("partially_filled", filled_quantity=4, fills=[fill("1", "4"), fill("1", "4")]), []),
        (replace(Known(), state="rejected"), says("new", broker_order_id=None), []),
        (replace(Known(), filled_quantity=Decimal(4)), says("new"), ["filled fell from 4 to 0"]),
        (Known(), says("rejected", filled_quantity=3), ["3 filled on an order that is rejected"]),
    ],
)
def test_each_contradiction_says_what_was_found(order: Known, report: OrderReport, sentences: list[str]) -> None:
    found = book(order, report).contradictions

    assert [problem.message for problem in found] == sentences
    assert {problem.kind for problem in found} <= {
        *("other_payload", "appeared", "never_sent", "final_changed", "gateway_mode"),
        *("impossible_fill", "fills_differ"),
    }


def test_filled_with_less_than_was_ordered_contradicts_itself() -> None:
    assert contradicts_itself(says("filled", filled_quantity=9))
    assert contradicts_itself(says("filled", filled_quantity=None))
    assert not contradicts_itself(says("filled", filled_quantity=10))
    assert not contradicts_itself(says("filled", filled_quantity=10, fills=[fill("1", "4")]))
    assert not contradicts_itself(says("canceled", filled_quantity=4))


def test_an_end_is_without_its_quantity_while_the_order_is_followed_and_the_word_says_that_it_may_have_traded() -> None:
    assert ends_without_quantity("canceled", "open")
    assert not ends_without_quantity("canceled", "canceled")
    assert not ends_without_quantity("new", "open")
    assert not ends_without_quantity("rejected", "open")
    assert not ends_without_quantity(None, "open")


def test_a_dry_run_that_says_it_filled_stays_a_dry_run() -> None:
    booking = book(replace(SENT, mode="dry_run"), says("dry_run", filled_quantity=10, filled_avg_price="1"))

    assert booking.state == "dry_run"


def test_an_open_order_that_goes_on_keeps_its_words() -> None:
    order = replace(Known(), message="working", reason="seen")

    assert book(order, says("filled", filled_quantity=10, filled_avg_price="1")).columns == {
        "filled_quantity": Decimal(10),
        "filled_avg_price": Decimal(1),
        "gateway_status": "filled",
    }


def test_the_gateways_average_counts_where_it_is_of_all_that_filled() -> None:
    told = says("partially_filled", filled_quantity=4, filled_avg_price="13", fills=[fill("1", "4", "12.5")])

    assert book(Known(), told).columns["filled_avg_price"] == Decimal(13)


def test_the_average_of_the_executions_counts_where_the_gateways_is_of_less_than_filled() -> None:
    told = says("partially_filled", filled_quantity=2, filled_avg_price="13", fills=[fill("1", "4", "12.5")])

    assert book(Known(), told).columns["filled_avg_price"] == Decimal("12.5")


def test_what_was_booked_before_counts_against_a_quantity_that_says_less() -> None:
    order = replace(Known(), filled_quantity=Decimal(4))
    (problem,) = book(order, says("new", filled_quantity=2), booked=[Execution(fill_id="1", quantity=4)]).contradictions

    assert (problem.kind, problem.halts) == ("fills_ahead", False)
    assert problem.message == "its fills add up to 4, the order says 2 (new)"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (replace(Known(), state="filled", filled_quantity=Decimal(10)), {"filled_quantity": None}),
        (replace(Known(), state="expired"), {"filled_quantity": 10}),
        (replace(Known(), state="expired"), {"filled_quantity": None, "fills": [fill("1", "10")]}),
    ],
    ids=["known before", "the quantity", "the executions"],
)
def test_an_order_that_filled_whole_by_any_word_may_be_called_canceled_late(
    order: Known, words: dict[str, Any]
) -> None:
    booking = book(order, says("canceled", **words))

    assert (booking.state, booking.contradictions) == ("filled", ())


def test_filled_with_less_than_its_fills_is_told_without_a_halt_while_more_is_to_come() -> None:
    booking = Ledger(Known()).hears("filled", filled_quantity=2, fills=[fill("1", "4")])

    assert [(problem.kind, problem.halts) for problem in booking.contradictions] == [("fills_ahead", False)]


def test_a_late_fill_of_a_canceled_order_contradicts_nothing() -> None:
    ledger = Ledger(replace(Known(), state="canceled"))
    booking = ledger.hears("filled", filled_quantity=10, filled_avg_price="12.5", fills=[fill("1", "10")])

    assert (booking.state, booking.contradictions) == ("filled", ())
    assert [(each.fill_id, each.quantity) for each in ledger.booked] == [("1", Decimal(10))]


@pytest.mark.parametrize("filled", [None, "0", "4"])
@pytest.mark.parametrize("order", [SENT, Known(), replace(Known(), state="unknown")], ids=lambda order: order.state)
def test_filled_without_its_quantity_is_no_end(order: Known, filled: str | None) -> None:
    ledger = Ledger(order)
    booking = ledger.hears("filled", filled_quantity=filled, filled_avg_price="12.5")

    assert (booking.state, booking.contradictions) == ("open", ())
    assert ledger.hears("filled", filled_quantity=10, filled_avg_price="12.5").state == "filled"


@pytest.mark.parametrize("filled", [None, "0", "3"])
def test_a_quantity_that_is_missing_for_once_takes_nothing_back(filled: str | None) -> None:
    ledger = Ledger(Known())
    ledger.hears("partially_filled", filled_quantity=4, filled_avg_price="12.5")
    booking = ledger.hears("filled", filled_quantity=filled)

    assert (booking.state, ledger.order.filled_quantity, booking.contradictions) == ("open", Decimal(4), ())


@pytest.mark.parametrize("word", ["canceled", "expired", "done_for_day", "replaced"])
@pytest.mark.parametrize("order", [SENT, Known(), replace(Known(), state="unknown")], ids=lambda order: order.state)
def test_no_order_that_may_have_traded_ends_without_its_quantity(order: Known, word: str) -> None:
    ledger = Ledger(order)

    assert ledger.hears(word, filled_quantity=None).state == "open"
    assert ledger.hears(word, filled_quantity=0).state == word
    assert (ledger.hears(word, filled_quantity=None).state, ledger.hears(word).contradictions) == (word, ())


def test_what_others_did_to_an_order_is_a_break_and_is_booked_all_the_same() -> None:
    booking = Ledger(Known()).hears("replaced", filled_quantity=4, not_ours="it was replaced by another order")

    assert (booking.state, halting(booking), booking.columns["filled_quantity"]) == ("replaced", ["not_ours"], 4)
    assert [problem.message for problem in booking.contradictions] == ["it was replaced by another order"]


@pytest.mark.parametrize("word", ["calculated", "canceled", "expired", "new", "pending_new", "a_word_of_its_own"])
@pytest.mark.parametrize("broker_order_id", ["broker-1", None])
def test_all_of_an_order_filled_is_filled_whatever_the_word(word: str, broker_order_id: str | None) -> None:
    booking = book(SENT, says(word, filled_quantity=10, filled_avg_price="12.5", broker_order_id=broker_order_id))

    assert (booking.state, booking.acknowledges, booking.contradictions) == ("filled", True, ())


@pytest.mark.parametrize("word", ["pending_new", "canceled", "filled", "new"])
@pytest.mark.parametrize("said", ["0", "6"])
def test_fills_that_explain_the_order_count_and_are_told_without_a_halt(word: str, said: str) -> None:
    ledger = Ledger(Known())
    booking = ledger.hears(word, filled_quantity=said, fills=[fill("1", "6", "12"), fill("2", "4", "13")])

    assert (booking.state, halting(booking)) == ("filled", [])
    assert [problem.kind for problem in booking.contradictions] == ["fills_ahead"]
    assert (ledger.order.filled_quantity, ledger.order.filled_avg_price) == (Decimal(10), Decimal("12.4"))
    assert halting(ledger.hears(word, filled_quantity=said, fills=[fill("1", "6", "12"), fill("2", "4", "13")])) == []


def test_a_part_that_only_the_fills_tell_counts_while_the_order_works() -> None:
    ledger = Ledger(Known())
    booking = ledger.hears("pending_new", fills=[fill("1", "6")])

    assert (booking.state, halting(booking), ledger.order.filled_quantity) == ("open", [], Decimal(6))
    assert contradicts_itself(says("pending_new", fills=[fill("1", "6")]))
    assert not contradicts_itself(says("partially_filled", filled_quantity=6, fills=[fill("1", "6")]))


def test_an_end_with_less_than_its_fills_is_a_break() -> None:
    booking = Ledger(Known()).hears("canceled", filled_quantity=2, fills=[fill("1", "6")])

    assert (booking.state, halting(booking)) == ("canceled", ["fills_differ"])


def test_fills_beyond_the_order_are_not_booked_where_the_quantity_is_not() -> None:
    ledger = Ledger(Known())
    booking = ledger.hears(
        "filled", filled_quantity=10, filled_avg_price="12.5", fills=[fill("1", "10"), fill("one", "10")]
    )

    assert "fills_differ" in halting(booking)
    assert (booking.state, ledger.order.filled_quantity) == ("filled", Decimal(10))


def test_a_part_of_our_own_making_gives_way_to_the_real_fill() -> None:
    ledger = Ledger(Known())
    ledger.hears("partially_filled", filled_quantity=3, filled_avg_price="12")
    ledger.hears("partially_filled", filled_quantity=3, filled_avg_price="12", fills=[fill("1", "3", "12")])

    assert ledger.order.filled_quantity == 3
    assert {each.fill_id: each.quantity for each in ledger.booked} == {
        "p1:0-3": Decimal(3),
        "1": Decimal(3),
        "p1:0-3:gave_way": Decimal(-3),
    }


def test_what_the_real_fills_do_not_tell_yet_stays_of_our_own_making() -> None:
    ledger = Ledger(Known())
    ledger.hears("partially_filled", filled_quantity=3, filled_avg_price="12")
    ledger.hears("partially_filled", filled_quantity=3, filled_avg_price="12", fills=[fill("1", "1", "11")])
    ledger.hears("partially_filled", filled_quantity=3, filled_avg_price="12", fills=[fill("2", "1", "12")])
    ledger.hears("filled", filled_quantity=10, filled_avg_price="12", fills=[fill("3", "8", "12.125")])

    assert ledger.order.state == "filled"
    assert ledger.value == 11 + 12 + 97
    assert {each.fill_id for each in ledger.booked if each.quantity > 0} >= {"1", "2", "3"}


def test_a_part_has_the_price_that_the_averages_imply() -> None:
    ledger = Ledger(Known())
    ledger.hears("partially_filled", filled_quantity=4, filled_avg_price="10")
    ledger.hears("partially_filled", filled_quantity=6, filled_avg_price="12")
    ledger.hears("filled", filled_quantity=10, filled_avg_price="13")

    assert [(each.quantity, each.price) for each in ledger.booked] == [
        (Decimal(4), Decimal(10)),
        (Decimal(2), Decimal(16)),
        (Decimal(4), Decimal("14.5")),
    ]


def test_a_part_never_has_a_price_of_nothing() -> None:
    ledger = Ledger(Known())
    ledger.hears("partially_filled", filled_quantity=9, filled_avg_price="10")
    ledger.hears("filled", filled_quantity=10, filled_avg_price="1")

    assert [each.price for each in ledger.booked] == [Decimal(10), Decimal(1)]


def test_what_filled_without_a_price_counts_and_gets_its_price_later() -> None:
    ledger = Ledger(Known())
    ledger.hears("filled", filled_quantity=10, filled_avg_price=None)
    assert [(each.quantity, each.price) for each in ledger.booked] == [(Decimal(10), None)]
    assert (ledger.order.state, ledger.order.filled_avg_price) == ("filled", None)

    ledger.hears("filled", filled_quantity=10, filled_avg_price="12.5")

    assert (ledger.order.filled_avg_price, total(ledger.booked)) == (Decimal("12.5"), Decimal(10))
    assert [each.price for each in ledger.booked if each.quantity > 0][-1] == Decimal("12.5")


def test_a_look_that_says_nothing_new_changes_nothing() -> None:
    ledger = Ledger(Known())
    words = {"filled_quantity": "4", "filled_avg_price": "12.333333", "fills": [fill("1", "4", "12.333333")]}
    ledger.hears("partially_filled", **words)

    again = ledger.hears("partially_filled", **words)

    assert (again.columns, again.fills, again.contradictions) == ({}, (), ())


@pytest.mark.parametrize("word", ["rejected", "failed", "blocked_kill_switch"])
def test_a_refusal_of_v1_without_a_brokers_id_is_followed(word: str) -> None:
    ledger = Ledger(SENT, "v1")

    assert (ledger.hears(word, broker_order_id=None).state, ledger.order.state) == ("unknown", "unknown")
    booking = ledger.hears(word, broker_order_id=None, filled_quantity=10, filled_avg_price="12.5")
    assert (booking.state, booking.contradictions) == ("filled", ())


@pytest.mark.parametrize("state", ["planned", "denied", "not_sent", "rejected", "failed", "canceled", "expired"])
def test_an_order_that_is_live_after_all_is_followed_again_and_a_break(state: str) -> None:
    booking = Ledger(replace(Known(), state=state)).hears("new")

    assert (booking.state, booking.acknowledges, booking.columns["reason"]) == ("open", True, None)
    assert halting(booking)


def test_what_a_person_settled_stays_while_the_gateway_denies_its_own_words() -> None:
    ledger = Ledger(replace(Known(), state="canceled", reason="settled"))
    booking = ledger.hears("pending_new", fills=[fill("1", "4")])

    assert (booking.state, halting(booking), ledger.order.filled_quantity) == ("canceled", [], Decimal(4))
    assert ledger.hears("new", filled_quantity=4).state == "open"


def test_what_filled_keeps_no_doubt_as_its_why() -> None:
    doubtful = replace(Known(), state="unknown", message="no whole answer came")

    assert book(doubtful, says("new")).columns["message"] is None
    assert "message" not in book(doubtful, says("new", broker_order_id=None)).columns


@settings(deadline=None)
@given(st.data())
def test_whatever_a_gateway_says_what_is_booked_adds_up_to_what_is_filled(data: st.DataObject) -> None:
    ledger = Ledger(SENT, data.draw(st.sampled_from(["v1", "v2"])))
    prices = st.sampled_from([None, "0.000001", "11", "12.5", "13.333333"])
    for _ in range(data.draw(st.integers(1, 6))):
        numbers = data.draw(st.lists(st.integers(1, 6), max_size=4))
        fills = [fill(str(number), str(number), "12.5") for number in numbers]
        before = ledger.order
        booking = ledger.hears(
            data.draw(st.sampled_from(["new", "pending_new", "filled", "canceled", "rejected", "calculated"])),
            filled_quantity=data.draw(st.sampled_from([None, "0", "3", "7", "10", "11"])),
            filled_avg_price=data.draw(prices),
            fills=fills,
            broker_order_id=data.draw(st.sampled_from([None, "broker-1"])),
        )
        assert ledger.order.filled_quantity >= before.filled_quantity
        assert ledger.order.state != "filled" or ledger.order.filled_quantity >= 10
        assert ledger.order.state != "filled" or booking.acknowledges
        assert all(each.price is None or each.price > 0 for each in ledger.booked)
