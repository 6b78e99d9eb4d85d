"""A gateway that says one thing of an order and has another: what is true is booked, and a person is alerted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.execution import faultpoints as points
from include.execution.duty.account import resume
from include.execution.duty.settlement import Verdict, settle
from include.execution.orders.reports import apply_report
from include.execution.orders.resolve import look_again_at, to_look_up_again
from include.execution.orders.submit import submit_order
from include.execution.steps.track_fills import close_late_orders
from include.sandbox.runner import Sandbox
from include.trading.errors import BookMismatch, InvalidData, Paused, TradingError, Unavailable
from tests.support.engine import sandbox_strategy
from tests.support.trading import QUICK, Trade


@pytest.fixture
def trade(ledger_url: str, v2: Sandbox) -> Trade:
    return Trade.begin(ledger_url, v2, "v2")


@pytest.fixture
def trade_v1(ledger_url: str, v1: Sandbox) -> Trade:
    return Trade.begin(ledger_url, v1, "v1")


@pytest.fixture(params=["v1", "v2"])
def either(request: pytest.FixtureRequest, ledger_url: str) -> Trade:
    return Trade.begin(ledger_url, request.getfixturevalue(request.param), request.param)


@pytest.fixture(autouse=True)
def nothing_at_points() -> Iterator[None]:
    before = points.on_reach
    yield
    points.on_reach = before


def kinds(trade: Trade) -> set[str]:
    return {found.kind for found in trade.breaks()}


def alerts(trade: Trade, kind: str) -> list[Any]:
    with trade.engine.ledger() as ledger:
        return [alert for alert in ledger.alerts.open() if alert.kind == kind]


# ── refused in words, and live ────────────────────────────────────────────────────────────────────────────────────────

AUTH_DOWN = "Auth service temporarily unavailable"
FREED = ("kill_switch", "breaker", "auth", "rate_limited", "data_unavailable")
PAGES = ("page", "page_404")


@pytest.mark.parametrize("way", [*FREED, "validation", *PAGES])
def test_an_order_refused_in_words_and_live_is_never_sent_a_second_time(trade: Trade, way: str) -> None:
    trade.admin.fault("refused_but_stored", times=1, way=way)
    run, order = trade.plan_one()

    for _ in range(3):
        with suppress(TradingError):
            trade.submit(order)
    closed = trade.engine.track(run)

    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)
    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("filled", order.quantity)
    if way in PAGES:
        assert (closed.status, trade.breaks()) == ("completed", [])
    else:
        assert (closed.status, trade.account().state) == ("failed", "halted")
        assert kinds(trade) == {"final_changed" if way == "validation" else "appeared"}


@pytest.mark.parametrize("way", [*FREED, "validation", *PAGES])
def test_the_next_revision_does_not_trade_again_what_was_refused_and_is_live(trade: Trade, way: str) -> None:
    trade.admin.fault("refused_but_stored", way=way, times=1)
    _, order = trade.plan_one()
    with trade.engine.desk() as desk, suppress(TradingError):
        desk.settings = QUICK.model_copy(update={"quick_retry_seconds": (), "longest_wait_seconds": 0})
        submit_order(desk, order.plan_id, order.client_order_id)

    with suppress(TradingError):
        _, again = trade.plan("two", revision=2)
        for intent in again:
            with suppress(TradingError):
                trade.submit(intent)

    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)
    assert trade.order(order).state in ("open", "filled", "unknown")


def test_the_watchdogs_look_finds_an_order_that_was_not_sent_and_is_live(trade: Trade) -> None:
    trade.admin.fault("refused_but_stored", times=1, way="kill_switch")
    _, order = trade.plan_one()
    with suppress(TradingError):
        trade.submit(order)
    with trade.later().desk() as desk:
        close_late_orders(desk, trade.engine.account)
        assert trade.order(order).state == "not_sent"
        trade.until_broker_filled()
        assert look_again_at(desk, to_look_up_again(desk, trade.engine.account)) == {}

    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("filled", order.quantity)
    assert kinds(trade) == {"appeared"}


# ── an end without its quantity ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", ["null", "zero", "missing"])
def test_filled_without_its_quantity_for_once_is_asked_again(either: Trade, how: str) -> None:
    either.admin.fault("filled_without_quantity", how=how, times=2)
    run, order = either.plan_one()
    either.submit(order)

    closed = either.engine.track(run)

    assert (either.order(order).state, either.order(order).filled_quantity) == ("filled", order.quantity)
    assert (closed.status, either.breaks()) == ("completed", [])


@pytest.mark.parametrize("how", ["null", "zero", "missing"])
def test_filled_without_its_quantity_is_a_break_when_it_stays(trade_v1: Trade, how: str) -> None:
    trade_v1.admin.fault("filled_without_quantity", how=how)
    run, order = trade_v1.plan_one()
    trade_v1.submit(order)

    closed = trade_v1.engine.track(run)

    assert (trade_v1.order(order).state, closed.status) == ("open", "failed")
    assert "ended_without_quantity" in kinds(trade_v1)
    trade_v1.admin.clear_faults()
    trade_v1.engine.track(run)
    assert (trade_v1.order(order).state, trade_v1.order(order).filled_quantity) == ("filled", order.quantity)


# ── fills that say more than the order ────────────────────────────────────────────────────────────────────────────────


def test_a_fill_older_than_the_gateways_own_booking_ends_the_run_without_a_halt(trade: Trade) -> None:
    trade.admin.fault("fill_before_answer", times=1)
    run, order = trade.plan_one()
    trade.submit(order)
    trade.until_broker_filled()

    closed = trade.engine.track(run)

    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("filled", order.quantity)
    assert (closed.status, trade.account().state, trade.breaks()) == ("completed", "active", [])
    assert trade.order(order).filled_avg_price == trade.fills(order)[0]["price"]


@pytest.mark.parametrize("status", ["canceled", "pending_new", "expired", "calculated", "OrderStatus.FILLED"])
def test_fills_that_explain_the_whole_order_count_whatever_its_status(trade: Trade, status: str) -> None:
    trade.admin.settings(fill_after_seconds=0)
    trade.admin.fault("fills_contradict_status", status=status, filled_qty="0")
    run, order = trade.plan_one()
    trade.submit(order)

    closed = trade.engine.track(run)

    assert (trade.order(order).state, closed.status, trade.breaks()) == ("filled", "completed", [])


def test_an_order_whose_fills_deny_its_status_is_settled_by_a_person(trade: Trade) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    trade.admin.fault("fills_contradict_status", status="pending_new", filled_qty="0")
    run, order = trade.plan_one()
    trade.submit(order)
    (at_broker,) = trade.broker_orders()
    trade.admin.order(at_broker["broker_order_id"], fill=3)
    trade.engine.track(run)
    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("open", 3)
    assert len(alerts(trade, "fills_ahead")) == 1

    with trade.engine.desk(actor="ada") as desk:
        verdict = Verdict("canceled", "the broker canceled the rest", Decimal(3), Decimal(12))
        (settled,) = settle(desk, trade.engine.account, [order.client_order_id], verdict).orders

    assert (settled.settled, trade.order(order).state, trade.order(order).filled_quantity) == (True, "canceled", 3)


def test_fills_that_are_listed_late_take_the_place_of_what_stood_in_for_them(trade: Trade) -> None:
    trade.admin.settings(fill_after_seconds=0.3, fill_parts=3)
    trade.admin.fault("fills_listed_late", times=8)
    run, order = trade.plan_one()
    trade.submit(order)

    closed = trade.engine.track(run)
    trade.admin.clear_faults()
    with trade.engine.desk() as desk:
        report = desk.gateway.order(order.client_order_id)
        assert report is not None
        apply_report(desk, trade.order(order), report, "looked_up_again")

    assert (closed.status, trade.breaks()) == ("completed", [])
    assert sum(row["quantity"] for row in trade.fills(order)) == order.quantity
    assert sum(
        row["quantity"] for row in trade.fills(order) if not row["fill_id"].startswith(order.client_order_id)
    ) == (order.quantity)


# ── answers that come after the end ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", ["rejected", "not_sent", "canceled", "expired"])
def test_an_answer_that_comes_after_a_person_settled_is_a_break_and_is_followed(trade: Trade, outcome: Any) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    _, order = trade.plan_one()

    def settled_meanwhile(point: str) -> None:
        if point != "before_booking":
            return
        points.on_reach = lambda _: None
        late = trade.later()
        late.settings = QUICK
        with late.desk(actor="ada") as desk:
            desk.ledger.orders.save(
                trade.order(order), event="outcome_unknown", actor="test", state="unknown", lease_until=None
            )
            trade.admin.fault("not_found_for_seconds", times=1, seconds=0)
            trade.admin.fault("plain_500", match={"method": "GET", "path": "/api/v1/orders/"})
            verdict = Verdict(outcome, "the broker does not show it")
            settle(desk, trade.engine.account, [order.client_order_id], verdict, gateway_silent=True)
            trade.admin.clear_faults()
        assert trade.order(order).state == outcome

    points.on_reach = settled_meanwhile
    trade.submit(order)

    assert kinds(trade) == {"appeared" if outcome == "not_sent" else "final_changed"}
    assert (trade.order(order).state, trade.account().state) == ("open", "halted")


def test_an_answer_that_the_id_exists_is_a_break_also_after_a_person_settled(trade: Trade) -> None:
    _, order = trade.plan_one()
    trade.admin.fault("unique_422", times=1)

    def settled_meanwhile(point: str) -> None:
        if point != "after_answer":
            return
        points.on_reach = lambda _: None
        with trade.engine.desk(actor="ada") as desk:
            unknown = desk.ledger.orders.save(
                trade.order(order), event="outcome_unknown", actor="test", state="unknown", lease_until=None
            )
            desk.ledger.orders.save(
                unknown, event="settled", actor="ada", state="rejected", reason="settled", unknown_since=None
            )

    points.on_reach = settled_meanwhile
    ended = trade.submit(order)

    assert (ended.state, kinds(trade)) == ("rejected", {"answered_after_end"})
    with trade.engine.ledger() as ledger:
        assert "answered_late" in {event["event"] for event in ledger.orders.events([order.id])}


# ── one order's trouble is its own ────────────────────────────────────────────────────────────────────────────────────


def test_a_report_that_cannot_be_booked_is_a_break_of_its_order_alone(trade: Trade) -> None:
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=2, bottom_n=0)
    run, (first, second) = trade.plan()
    for intent in (first, second):
        trade.submit(intent)
    with trade.engine.desk() as desk:
        report = desk.gateway.order(first.client_order_id)
        assert report is not None
        absurd = report.model_copy(update={"filled_quantity": Decimal("1e20"), "fills": ()})
        with pytest.raises(BookMismatch, match=first.client_order_id):
            apply_report(desk, trade.order(first), absurd, "tracked")

    trade.engine.track(run)

    assert kinds(trade) == {"impossible_fill", "unbookable"}
    assert trade.order(second).state == "filled"


# ── the sender's clock ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "asleep", [timedelta(seconds=2), timedelta(minutes=12)], ids=["past its lease", "past its window"]
)
def test_a_sender_whose_machine_was_suspended_does_not_send(trade: Trade, asleep: timedelta) -> None:
    """time.monotonic() stands still then; the database's clock goes on."""
    _, order = trade.plan_one()
    with trade.engine.desk() as desk:

        def sleeps(point: str) -> None:
            if point == "before_post":
                desk.ledger.clock_offset += asleep
                points.on_reach = lambda _: None

        points.on_reach = sleeps
        ended = submit_order(desk, order.plan_id, order.client_order_id)

    with trade.engine.ledger() as ledger:
        events = [event["event"] for event in ledger.orders.events([order.id])]
    assert events[:3] == ["planned", "sending", "nothing_stored"]
    if asleep > timedelta(minutes=10):
        assert (ended.state, ended.reason, trade.posts()) == ("not_sent", "send_until_passed", 0)


# ── asked to be left alone ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gateway_that_asks_for_no_wait_is_left_alone_longer_each_time_and_the_order_is_sent(
    ledger_url: str, v2: Sandbox
) -> None:
    settings = QUICK.model_copy(update={"attempt_cap": 2, "least_pause_seconds": 2, "longest_wait_seconds": 20})
    trade = Trade.begin(ledger_url, v2, "v2", settings)
    trade.admin.fault("rate_limited", times=4, retry_after=0)
    _, order = trade.plan_one()
    waits: list[float] = []

    with trade.engine.desk() as desk:

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            desk.ledger.clock_offset += timedelta(seconds=seconds)

        desk.sleep = sleep
        sent = submit_order(desk, order.plan_id, order.client_order_id)

    assert (sent.state, trade.posts()) == ("open", 5)
    assert waits == [2, 4, 8, 16]


def test_a_pause_beyond_the_window_is_told_at_once_and_lifted_by_a_person(trade: Trade) -> None:
    trade.admin.fault("rate_limited", times=1, retry_after=3600)
    _, order = trade.plan_one()
    for _ in range(2):
        with pytest.raises(Paused):
            trade.submit(order)
    assert (trade.posts(), len(alerts(trade, "gateway_paused"))) == (1, 1)
    reason = trade.account().pause_reason or ""
    assert "gateway_paused" not in reason

    with trade.engine.ledger() as ledger:
        resume(ledger, trade.engine.account, actor="ada", reason="the limit was raised", settings=QUICK)

    assert trade.submit(order).state == "open"
    assert alerts(trade, "gateway_paused") == []


def test_there_is_nothing_to_resume_without_a_halt_or_a_pause(trade: Trade) -> None:
    trade.plan_one()
    with trade.engine.ledger() as ledger, pytest.raises(InvalidData, match="nothing to resume"):
        resume(ledger, trade.engine.account, actor="ada", reason="to be sure", settings=QUICK)


def test_an_unreachable_gateway_does_not_nest_why_it_is_left_alone(ledger_url: str, v2: Sandbox) -> None:
    settings = QUICK.model_copy(update={"failures_before_pause": 1, "failure_pause_seconds": 60})
    trade = Trade.begin(ledger_url, v2, "v2", settings)
    trade.admin.fault("down_503", body={"detail": {"error": "service_unavailable", "message": AUTH_DOWN}})
    _, order = trade.plan_one()
    for _ in range(3):
        with pytest.raises(Unavailable):
            trade.submit(order)

    assert (trade.account().pause_reason or "").count("unreachable") == 1
    assert trade.posts() == 1
