"""Things that really happened to others, each as a test that would have caught it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import OutcomeUnknown, TradingError, Unavailable
from tests.chaos.workers import Trap, start
from tests.support.engine import sandbox_strategy
from tests.support.trading import QUICK, Trade


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    return Trade.begin(ledger_url, sandbox, "v2")


def test_resend_after_a_false_cancel(trade: Trade) -> None:
    """A broker said "canceled" 15 times in 17 seconds, the system sent again 15 times, all 15 filled."""
    trade.admin.settings(fill_after_seconds=3600)
    run, order = trade.plan_one()
    trade.submit(order)
    trade.admin.order(order.client_order_id, status="canceled")

    for _ in range(15):
        trade.engine.track(run)
        trade.submit(order)

    assert trade.order(order).state == "canceled"
    assert trade.posts() == 1


def test_attempts_of_an_order_are_capped(ledger_url: str, sandbox: Sandbox) -> None:
    trade = Trade.begin(ledger_url, sandbox, "v2", QUICK.model_copy(update={"attempt_cap": 3}))
    trade.admin.fault("reset_before_body")
    _, order = trade.plan_one()

    ended = trade.submit(order)

    assert (ended.state, ended.reason, trade.posts()) == ("denied", "attempt_cap", 3)


def test_timeout_read_as_failure(trade: Trade) -> None:
    """Network errors were taken for failed orders; 6 orphan buys filled."""
    trade.admin.fault("timeout_after_accept", times=1, seconds=5)
    run, order = trade.plan_one()

    trade.submit(order)
    closed = trade.engine.track(run)

    assert trade.order(order).state == "filled"
    assert closed.status == "completed"
    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)


def test_one_fill_applied_three_times(trade: Trade) -> None:
    """A replayed stream: fills count once, by their id."""
    trade.admin.fault("duplicate_fills")
    trade.admin.settings(fill_parts=3)
    run, order = trade.plan_one()
    trade.submit(order)

    for _ in range(3):
        closed = trade.engine.track(run)

    fills = trade.fills(order)
    assert sum((fill["quantity"] for fill in fills), Decimal(0)) == order.quantity
    assert len(fills) == 3
    assert (closed.status, trade.account().state) == ("completed", "active")


def test_working_orders_dropped(trade: Trade) -> None:
    """Reconciliation after a SIGKILL dropped 14 working orders of 744."""
    trade.admin.settings(fill_after_seconds=3600)
    trade.strategy = sandbox_strategy(symbols=tuple(f"GEN{n:03}" for n in range(1, 31)), top_n=15, bottom_n=15)
    run, orders = trade.plan()
    trade.engine.submit_all(orders)
    killed = start(lambda: trade.engine.track(run).status, traps=[Trap("while_tracking")])
    assert killed.wait() is None

    for order in trade.broker_orders():
        trade.admin.order(order["broker_order_id"], status="filled")
    closed = trade.engine.track(run)

    assert len(orders) > 14
    assert {trade.order(order).state for order in orders} == {"filled"}
    assert (closed.num_orders_filled, closed.status) == (len(orders), "completed")


def test_old_code_on_one_of_eight_servers(trade: Trade) -> None:
    """212 parent orders became over 4 million: what leaves is compared with what was planned."""
    run, order = trade.plan_one()
    trade.submit(order)
    with trade.engine.ledger() as ledger:
        (attempt,) = ledger.orders.attempts(order.id)
    httpx.post(
        f"{trade.engine.gateway_url}/api/v1/orders",
        json={"symbol": order.symbol, "side": order.side, "qty": 8, "client_order_id": "old-code-1"},
    ).raise_for_status()
    trade.until_broker_filled()

    closed = trade.engine.track(run)

    assert (attempt.code_version, bool(attempt.worker)) == ("test", True)
    assert [found.kind for found in trade.breaks()] == ["position_mismatch"]
    assert (closed.status, trade.account().state) == ("failed", "halted")


def test_97_warnings_nobody_read(trade: Trade) -> None:
    """One cause is one alert, with a severity and a next step, however often it is found."""
    trade.admin.fault("wrong_quantity_reported")
    run, order = trade.plan_one()
    trade.submit(order)

    for _ in range(5):
        trade.engine.track(run)

    with trade.engine.ledger() as ledger:
        alerts = ledger.connection.execute("SELECT * FROM alerts WHERE kind = 'break'").fetchall()
    keys = [alert["dedupe_key"] for alert in alerts]
    assert f"break:sandbox:other_payload:{order.client_order_id}" in keys
    assert len(keys) == len(set(keys))
    assert all(alert["severity"] == "critical" and "python -m include.ops" in alert["next_step"] for alert in alerts)


def test_504_retried_on_a_post(trade: Trade) -> None:
    """Without an id of the caller's it was a second order."""
    trade.admin.fault("error_5xx_after_accept", times=1, status=504)
    _, order = trade.plan_one()

    assert trade.submit(order).state in ("open", "filled")
    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)


def test_422_must_be_unique_hides_a_success(trade: Trade) -> None:
    """With an id of the caller's the second try was refused, and the first one's success overlooked."""
    trade.admin.fault("unique_422_after_timeout", times=1, seconds=5)
    run, order = trade.plan_one()

    trade.submit(order)
    closed = trade.engine.track(run)

    assert (trade.order(order).state, closed.status) == ("filled", "completed")
    assert len(trade.broker_orders()) == 1


def test_an_id_called_taken_is_never_proven_absent_by_404s(trade: Trade) -> None:
    trade.admin.fault("unique_422")
    _, order = trade.plan_one()

    with pytest.raises(OutcomeUnknown):
        trade.submit(order)

    assert trade.order(order).state == "unknown"
    assert trade.posts() == 1


def test_failed_snapshot_taken_for_flat(trade: Trade) -> None:
    """A position query that fails is never "no positions"."""
    trade.admin.positions(AAPL=100)
    trade.admin.fault("positions_fail_500")

    with pytest.raises(Unavailable):
        trade.plan()

    with trade.engine.ledger() as ledger:
        assert ledger.plans.open_plans("sandbox") == []


def test_incomplete_snapshot_blocks_the_symbol(trade: Trade) -> None:
    _, order = trade.plan_one()
    trade.submit(order)
    trade.until_broker_filled()
    trade.admin.fault("positions_incomplete", symbols=[order.symbol])

    run, _ = trade.plan("two", revision=2)

    with trade.engine.ledger() as ledger:
        reasons = {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}
    assert reasons[order.symbol] == "unexplained_position"


def test_killed_between_claim_and_post_sends_once(trade: Trade) -> None:
    _, order = trade.plan_one()
    killed = start(lambda: trade.submit(order).state, traps=[Trap("before_post")])
    assert killed.wait() is None

    try:
        trade.submit(order)
    except TradingError:
        trade.submit(order)

    assert (trade.posts(), len(trade.broker_orders())) == (1, 1)
