"""The watchdog on a real Airflow: it notices what no callback tells, closes the run by the ledger, and says so."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from include.ledger.alerts import Alert
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.e2e.live import PER_STRATEGY, Live, LiveRun, symbols_of, until
from tests.support.inbox import Inbox, webhook

WATCHDOG = "trading_watchdog"
# Past everything the ledger waits for: the sandbox strategy's cut-off, 11 minutes after the start, and 15 more.
LONG = timedelta(minutes=30)
OF_A_RUN = {
    "orchestration_runs": sql.SQL("plan_id = %(plan)s"),
    "plans": sql.SQL("plan_id = %(plan)s"),
    "order_intents": sql.SQL("plan_id = %(plan)s"),
}


@pytest.fixture
def inbox(live: Live) -> Iterator[Inbox]:
    """Where alerts arrive while the connection `trading_alerts` is there: added as a person adds it, by the API."""
    with webhook() as found:
        extra = json.dumps({"config": {"path": found.url}})
        connection = {"connection_id": "trading_alerts", "conn_type": "apprise", "extra": extra}
        live.call("POST", "/api/v2/connections", connection)
        yield found
        assert live.request("DELETE", "/api/v2/connections/trading_alerts").is_success


def ledger_run(live: Live, run: LiveRun) -> Run:
    found = live.ledger_run(run)
    assert found is not None
    return found


def order_of(live: Live, order: Intent) -> Intent:
    """Return the order as the ledger has it now."""
    with live.ledger() as ledger:
        found = ledger.orders.get(order.client_order_id)
    assert found is not None
    return found


def let_time_pass(live: Live, run: LiveRun) -> None:
    """Move every time that the ledger knows of the run and its orders back, as if it had begun so much earlier.

    Its events and attempts stay as they are: they are append-only, and nothing here is judged by their times.
    """
    plan = ledger_run(live, run).plan_id
    assert plan is not None
    with live.ledger() as ledger, ledger.transaction():
        # Past the guards: what is known of an order, times included, is not changed otherwise.
        ledger.connection.execute("SET session_replication_role = replica")
        for table, belongs in OF_A_RUN.items():
            columns = ledger.connection.execute(
                "SELECT column_name FROM information_schema.columns "
                "WHERE table_schema = 'public' AND table_name = %(table)s AND data_type = 'timestamp with time zone'",
                {"table": table},
            ).fetchall()
            moved = [sql.SQL("{0} = {0} - %(long)s").format(sql.Identifier(row["column_name"])) for row in columns]
            statement = sql.SQL("UPDATE {} SET {} WHERE {}")
            ledger.connection.execute(
                statement.format(sql.Identifier(table), sql.SQL(", ").join(moved), belongs),
                {"long": LONG, "plan": plan},
            )


def look(live: Live) -> None:
    """Let the watchdog look once."""
    run = live.trigger(WATCHDOG)
    assert live.wait(run) == "success"
    assert live.xcom(run, "watch")["problems"] == []


def alerts_of(live: Live, run: LiveRun) -> dict[str, Alert]:
    """Return the strategy's alerts whose cause lasts, by kind."""
    strategy_id = ledger_run(live, run).strategy_id
    with live.ledger() as ledger:
        return {alert.kind: alert for alert in ledger.alerts.open() if alert.strategy_id == strategy_id}


@contextmanager
def hanging(live: Live, run: LiveRun) -> Iterator[tuple[dict[str, Any], Intent]]:
    """Stop the process of the one task whose POST gets no answer, so that it neither ends nor goes on, until the end.

    Yields the task and its order once the run's other tasks are done.
    """
    task = live.sending(run)
    os.kill(task["pid"], signal.SIGSTOP)
    try:
        until(lambda: live.states(run, "submit_orders")["success"] == PER_STRATEGY - 1, f"the other orders of {run}")
        (order,) = (order for order in live.orders(run) if order.state == "sending")
        yield task, order
    finally:
        with suppress(ProcessLookupError):
            os.kill(task["pid"], signal.SIGCONT)


def test_a_run_whose_task_was_killed_and_never_tried_again_is_closed_and_told(live: Live, inbox: Inbox) -> None:
    live.sandbox.settings(fill_after_seconds=0)
    live.sandbox.fault("timeout_after_accept", times=1, seconds=60)
    run = live.trigger("daily_trading__orphaned")
    with hanging(live, run) as (task, order):
        # In a paused DAG nothing is tried again: whatever hears of the killed process, no task goes on with the run.
        live.call("PATCH", f"/api/v2/dags/{run.dag_id}", {"is_paused": True})
        os.kill(task["pid"], signal.SIGKILL)
    index = task["map_index"]
    until(lambda: live.task(run, "submit_orders", index)["state"] == "up_for_retry", "the end of the killed task")
    assert ledger_run(live, run).status == "running"
    assert "[CRITICAL] stuck run: orphaned" not in inbox.titles

    let_time_pass(live, run)
    look(live)

    assert live.task(run, "submit_orders", index)["state"] == "up_for_retry"
    assert live.state(run) == "running"
    closed = ledger_run(live, run)
    # The broker had the order: looked up, it is as good as answered.
    assert (closed.status, closed.num_orders_accepted, closed.num_orders_filled) == ("completed", 3, 3)
    with live.ledger() as ledger:
        actors = {event["actor"] for event in ledger.orders.events([order.id]) if event["event"] == "looked_up"}
    assert actors == {"watchdog"}
    stuck = alerts_of(live, run)["stuck_run"]
    assert (stuck.severity, stuck.run_id, stuck.sent_at is not None) == ("critical", closed.run_id, True)
    message = inbox.about("[CRITICAL] stuck run: orphaned")
    assert message["type"] == "failure"
    assert str(closed.run_id) in message["message"]
    assert f"/dags/{run.dag_id}/runs/" in message["message"]
    assert live.posts(run) == dict.fromkeys(symbols_of("orphaned"), 1)

    live.stack.api.unpause(run.dag_id)

    assert live.wait(run) == "success"
    assert live.task(run, "submit_orders", index)["try_number"] == 2
    assert ledger_run(live, run).status == "completed"
    assert "stuck_run" not in alerts_of(live, run)
    assert live.posts(run) == dict.fromkeys(symbols_of("orphaned"), 1)
    assert live.booked("orphaned") == dict.fromkeys(symbols_of("orphaned"), 1)


def test_a_run_whose_task_hangs_is_closed_as_failed_and_sends_nothing_when_it_wakes(live: Live, inbox: Inbox) -> None:
    live.sandbox.settings(fill_after_seconds=0)
    live.sandbox.fault("timeout_before_accept", times=1, seconds=300)
    run = live.trigger("daily_trading__hanging")
    with hanging(live, run) as (task, order):
        let_time_pass(live, run)
        look(live)

        assert live.task(run, "submit_orders", task["map_index"])["state"] == "running"
        closed = ledger_run(live, run)
        assert (closed.status, closed.num_orders_filled, closed.num_orders_unknown) == ("failed", 2, 1)
        assert "no task ended it" in (closed.error_message or "")
        assert {"stuck_run", "run_failed", "unknown_order"} <= alerts_of(live, run).keys()

        def over_after_a_look() -> bool:
            look(live)
            return order_of(live, order).state == "not_sent"

        # First it is not found often and late enough, then it is proven absent and so planned again, then too late.
        until(over_after_a_look, f"the end of order {order.client_order_id}")
        assert order_of(live, order).reason == "send_until_passed"
        assert "unknown_order" not in alerts_of(live, run)
        # However often the watchdog looked, each came once.
        for kind in ("stuck run", "run failed", "unknown order"):
            assert inbox.about(f"[CRITICAL] {kind}: hanging")["type"] == "failure"
        assert order.client_order_id in inbox.about("[CRITICAL] unknown order: hanging")["message"]

    assert live.wait(run) == "success"
    ended = ledger_run(live, run)
    assert (ended.status, ended.num_orders_filled, ended.num_orders_not_sent) == ("partial", 2, 1)
    assert not {"stuck_run", "run_failed"} & alerts_of(live, run).keys()
    assert live.posts(run) == dict.fromkeys(symbols_of("hanging"), 1)
    assert live.booked("hanging") == {symbol: 1 for symbol in symbols_of("hanging") if symbol != order.symbol}
    assert live.account().state == "active"
