"""The venue Alpaca, over sockets against its emulator: the same steps, the same books, the same promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import venue_at
from include.execution.desk import check_gateway
from include.execution.preflight import blockers, check
from include.execution.steps.track_fills import refresh_orders, track_for
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import BookMismatch, Halted, InvalidData, Paused, TradingError, Unauthorized
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.strategy.file import StrategyFile
from tests.support.engine import sandbox_strategy
from tests.support.trading import Trade


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(alpaca_rate_limit=0) as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    return Trade.begin(ledger_url, sandbox, "alpaca")


def test_a_run_is_planned_sent_and_filled(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)

    closed = trade.engine.track(run)

    booked = trade.order(order)
    assert (closed.status, trade.breaks(), trade.account().state) == ("completed", [], "active")
    assert (booked.state, booked.filled_quantity) == ("filled", Decimal(order.quantity))
    assert booked.gateway_order_id == order.client_order_id
    assert booked.broker_order_id not in (None, order.client_order_id)
    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)


@pytest.mark.parametrize("fault", ["reset_after_accept", "timeout_after_accept", "error_5xx_after_accept"])
def test_an_answer_that_got_lost_is_looked_up_and_never_sent_again(trade: Trade, fault: str) -> None:
    trade.admin.fault(fault, service="alpaca", times=1)
    run, order = trade.plan_one()
    for _ in range(3):
        with suppress(TradingError):
            trade.submit(order)

    closed = trade.engine.track(run)

    assert (len(trade.broker_orders()), closed.status, trade.breaks()) == (1, "completed", [])
    assert trade.order(order).state == "filled"


@pytest.mark.parametrize("fault", ["reset_before_body", "plain_500"])
def test_an_order_that_did_not_arrive_is_sent_again_after_proof(trade: Trade, fault: str) -> None:
    trade.admin.fault(fault, service="alpaca", times=1)
    run, order = trade.plan_one()
    for _ in range(4):
        with suppress(TradingError):
            trade.submit(order)

    assert (len(trade.broker_orders()), trade.engine.track(run).status) == (1, "completed")


def test_a_rate_limit_is_waited_for_and_the_order_looked_up_before_it_is_sent_again(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.admin.fault("rate_limited", service="alpaca", times=1)
    with pytest.raises(Paused):
        trade.submit(order)
    assert (trade.order(order).state, trade.broker_orders()) == ("planned", [])

    trade.engine = replace(trade.engine, clock_offset=timedelta(seconds=61))
    trade.submit(order)

    assert (len(trade.broker_orders()), trade.engine.track(run).status) == (1, "completed")


def test_too_little_buying_power_is_a_refusal_with_its_reason(trade: Trade) -> None:
    run, order = trade.plan_one()
    # After the plan: what the plan already knows is not sent at all.
    trade.admin.settings(alpaca_account={"buying_power": "10"}, alpaca_cash=10)
    trade.submit(order)

    booked = trade.order(order)
    assert (booked.state, booked.reason) == ("rejected", "insufficient_buying_power")
    assert trade.broker_orders() == []
    assert trade.engine.track(run).status == "failed"


def test_a_blocked_account_stops_before_the_first_order(trade: Trade) -> None:
    trade.admin.settings(alpaca_account={"trading_blocked": True})
    with pytest.raises(Halted, match="trading_blocked"):
        trade.plan_one()
    assert trade.posts() == 0


def test_wrong_keys_say_so_and_nothing_is_sent(trade: Trade) -> None:
    trade.engine = replace(trade.engine, alpaca_key=("WRONG", "KEY"))
    with pytest.raises(Unauthorized, match="check API key id"):
        trade.plan_one()
    assert trade.posts() == 0


def test_an_emulator_takes_no_strategy_that_is_not_sandbox_only(trade: Trade) -> None:
    with trade.engine.desk() as desk, pytest.raises(InvalidData, match="emulator"):
        check_gateway(desk, trade.engine.account, "paper", sandbox_only=False, planned=False)


def test_a_break_about_the_mode_names_the_connection_that_led_there(trade: Trade) -> None:
    engine, (login, password) = trade.engine, trade.engine.alpaca_key or ("", "")
    extra = {"venue": "alpaca", "account": engine.account}
    parts = ConnectionParts("alpaca_paper", host=engine.gateway_url, login=login, password=password, extra=extra)
    with engine.ledger() as ledger, venue_at(parts).reader(correlation_id="test") as reader:
        desk = engine.assembly().desk(ledger, engine.account, reader, actor="test")
        with pytest.raises(BookMismatch, match="mode is live"):
            check_gateway(desk, engine.account, "live")

    (found,) = trade.breaks()
    assert "the connection alpaca_paper and" in found.message


def test_another_account_behind_the_connection_is_refused(trade: Trade) -> None:
    trade.plan_one()
    trade.admin.settings(alpaca_account={"id": "8d2f7bb5-9b4f-4c2e-8f7c-000000000001"})
    with pytest.raises(TradingError, match="belongs to the gateway with"):
        trade.plan("two", revision=2)


def test_check_tells_of_keys_account_and_positions(trade: Trade) -> None:
    strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=1, bottom_n=0)
    assembly = trade.engine.assembly()
    with trade.engine.ledger() as ledger:
        found = check(ledger, StrategyFile(strategies=(strategy,), problems=()), assembly, ledger.now())
        trade.admin.settings(alpaca_account={"account_blocked": True})
        blocked = check(ledger, StrategyFile(strategies=(strategy,), problems=()), assembly, ledger.now())

    assert [finding for finding in blockers(found) if finding.subject.startswith("gateway")] == []
    assert any("account_blocked" in finding.value for finding in blockers(blocked))


def left_open(trade: Trade) -> tuple[Run, Intent]:
    """Return a run whose order the broker does not fill."""
    trade.admin.settings(fill_after_seconds=1000)
    run, order = trade.plan_one()
    trade.submit(order)
    return run, order


@pytest.mark.parametrize("filled", [0, 3])
def test_an_order_that_is_open_at_send_until_is_canceled_and_what_filled_is_booked(trade: Trade, filled: int) -> None:
    run, order = left_open(trade)
    (at_broker,) = trade.broker_orders()
    if filled:
        trade.admin.order(at_broker["broker_order_id"], fill=filled)

    closed = trade.later().track(run)

    (at_broker,) = trade.broker_orders()
    booked = trade.order(order)
    assert (at_broker["status"], booked.state, booked.filled_quantity) == ("canceled", "canceled", filled)
    assert (closed.status, trade.breaks(), trade.account().state) == ("partial", [], "active")
    with trade.engine.ledger() as ledger:
        events = [event["event"] for event in ledger.orders.events([order.id])]
    assert events.count("cancel_requested") == 1


def test_an_order_is_not_canceled_before_send_until(trade: Trade) -> None:
    run, order = left_open(trade)

    with trade.engine.desk() as desk:
        assert not track_for(desk, run, seconds=0)

    assert (trade.broker_orders()[0]["status"], trade.order(order).state) == ("accepted", "open")


def test_a_fill_that_comes_after_the_cancel_is_booked(trade: Trade) -> None:
    run, order = left_open(trade)
    trade.later().track(run)
    (at_broker,) = trade.broker_orders()

    trade.admin.order(at_broker["broker_order_id"], fill=order.quantity)
    closed = trade.later().track(run)

    booked = trade.order(order)
    assert (booked.state, booked.filled_quantity) == ("filled", order.quantity)
    assert sum(fill["quantity"] for fill in trade.fills(order)) == order.quantity
    assert (closed.status, trade.breaks()) == ("completed", [])


def test_an_order_whose_cancel_is_ignored_is_followed_and_asked_for_again(trade: Trade) -> None:
    run, order = left_open(trade)
    trade.admin.fault("alpaca_cancel_ignored", times=1)
    with trade.later().desk() as desk:
        track_for(desk, run, seconds=0)
        assert trade.order(order).state == "open"

    trade.later().track(run)

    assert (trade.broker_orders()[0]["status"], trade.order(order).state) == ("canceled", "canceled")


def test_orders_that_are_to_be_left_are_left(trade: Trade) -> None:
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=1, bottom_n=0, orders={"at_send_until": "leave"})
    run, order = left_open(trade)

    trade.later().track(run)

    assert (trade.broker_orders()[0]["status"], trade.order(order).state) == ("accepted", "open")


def test_an_order_that_is_filled_without_its_quantity_is_booked_from_the_accounts_executions(trade: Trade) -> None:
    trade.admin.settings(fill_after_seconds=0, fill_parts=3)
    run, order = trade.plan_one()
    trade.submit(order)
    trade.admin.fault("alpaca_order_says")

    with trade.engine.desk() as desk:
        refresh_orders(desk, [trade.order(order)])

    booked, (at_broker,) = trade.order(order), trade.broker_orders()
    assert (booked.state, booked.filled_quantity) == ("filled", order.quantity)
    assert booked.filled_avg_price == Decimal(at_broker["executions"][0]["price"])
    assert [fill["quantity"] for fill in trade.fills(order)] == [each["qty"] for each in at_broker["executions"]]
    trade.admin.clear_faults()
    assert (trade.engine.track(run).status, trade.breaks()) == ("completed", [])


def test_executions_are_read_page_by_page_and_each_once(trade: Trade) -> None:
    trade.admin.settings(fill_after_seconds=0, fill_parts=230)
    _, order = trade.plan_one()
    trade.submit(order)
    (at_broker,) = trade.broker_orders()
    since = datetime.now(UTC) - timedelta(minutes=1)

    with trade.engine.desk() as desk:
        (fills,) = desk.gateway.fills(since).values()
        alone = desk.gateway.fills(since, at_broker["broker_order_id"])
        later = desk.gateway.fills(datetime.now(UTC) + timedelta(minutes=1))

    assert len({fill.fill_id for fill in fills}) == len(fills) == 230
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert alone == {at_broker["broker_order_id"]: fills}
    assert later == {}


def test_a_list_of_executions_that_does_not_come_leaves_the_order_as_it_is(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)
    trade.admin.fault("alpaca_order_says")
    trade.admin.fault("plain_500", service="alpaca", match={"method": "GET", "path": "/v2/account/activities"})

    with trade.engine.desk() as desk:
        refresh_orders(desk, [trade.order(order)])

    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("open", 0)
    trade.admin.clear_faults()
    assert trade.engine.track(run).status == "completed"


def test_a_replaced_order_is_a_break(trade: Trade) -> None:
    _, order = trade.plan_one()
    trade.admin.settings(fill_after_seconds=1000)
    trade.submit(order)
    asked = {"method": "GET", "path": "/v2/orders"}
    trade.admin.fault("field_is", service="alpaca", match=asked, field="status", value="replaced")
    with trade.engine.desk() as desk:
        refresh_orders(desk, [trade.order(order)])

    assert trade.account().state == "halted"
