"""A closed run whose orders move on later is counted again: its outcome never contradicts its orders."""

from __future__ import annotations

from typing import Any

import pytest

from include.execution.duty.settlement import Verdict, settle
from include.execution.duty.watchdog import Watchdog
from include.trading.alerts.catalogue import RUN_FAILED
from include.trading.errors import OutcomeUnknown, Unavailable
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.duty import Duty

PAIR: dict[str, Any] = {"symbols": ("AAPL", "MSFT"), "top_n": 1, "bottom_n": 1}


def closed_with_open_orders(duty: Duty, name: str = "one") -> tuple[Run, list[Intent]]:
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    run, intents = duty.plan(name, **PAIR)
    duty.engine.submit_all(intents)
    closed = duty.engine.track(run)
    assert (closed.status, closed.num_orders_filled) == ("partial", 0)
    return closed, intents


def reread(duty: Duty, run: Run) -> Run:
    with duty.engine.ledger() as ledger:
        (found,) = [each for each in ledger.runs.latest(10) if each.run_id == run.run_id]
    return found


def check_agrees(duty: Duty, run: Run) -> Run:
    """Check a run's row, its line and its mapping rows against its orders, and return the row."""
    with duty.engine.ledger() as ledger:
        assert run.plan_id is not None
        orders = {order.client_order_id: order for order in ledger.orders.of_plan(run.plan_id)}
        rows = [row for row in ledger.runs.mappings(run.run_id) if row["client_order_id"] is not None]
        answers = ledger.runs.answers(run.run_id)["execution_gateway_responses"]
    now = reread(duty, run)
    filled = sum(order.state == "filled" for order in orders.values())
    assert now.num_orders_filled == filled
    assert f"{filled} filled" in str(now.summary)
    assert now.num_orders_not_sent == sum(order.state == "not_sent" for order in orders.values())
    assert {row["client_order_id"]: row["order_status"] for row in rows} == {
        id: order.state for id, order in orders.items()
    }
    assert {id: answer["state"] for id, answer in answers.items()} == {id: order.state for id, order in orders.items()}
    return now


def test_orders_that_fill_after_the_cut_off_are_counted_and_the_run_stays_as_long_as_it_was(duty: Duty) -> None:
    closed, intents = closed_with_open_orders(duty)
    for intent in intents:
        duty.sandbox.admin.order(intent.client_order_id, status="filled")

    found = duty.watch()

    run = check_agrees(duty, closed)
    assert (run.status, run.num_orders_filled, run.error_message) == ("completed", len(intents), None)
    assert (run.completed_at, run.duration_seconds) == (closed.completed_at, closed.duration_seconds)
    assert found.recounted == [run.summary]
    assert duty.watch().recounted == []


def closed_with_an_unknown_order(duty: Duty) -> tuple[Run, Intent]:
    """Close a run of which the answer to one POST was lost, and hide that order from look-ups."""
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    run, (hidden, *others) = duty.plan(**PAIR)
    duty.engine.submit_all(others)
    path = f"/api/v1/orders/{hidden.client_order_id}"
    duty.sandbox.admin.fault("reset_after_accept", times=1)
    duty.sandbox.admin.fault("plain_500", service="gateway", match={"method": "GET", "path": path})
    with pytest.raises((OutcomeUnknown, Unavailable)):
        duty.engine.submit(hidden.client_order_id)
    closed = duty.engine.track(run)
    assert (closed.status, closed.num_orders_unknown) == ("failed", 1)
    return closed, hidden


def test_an_order_that_was_settled_as_not_sent_and_is_found_live_is_counted_as_what_it_is(duty: Duty) -> None:
    closed, hidden = closed_with_an_unknown_order(duty)
    with duty.engine.desk() as desk:
        verdict = Verdict("not_sent", "the broker has none")
        settled = settle(desk, closed.account, [hidden.client_order_id], verdict, gateway_silent=True)

    # The gateway answers nothing about it, so the books wait; the counts do not.
    assert "its books were not compared" in settled.runs[0]
    between = reread(duty, closed)
    assert (between.num_orders_not_sent, between.num_orders_unknown) == (1, 0)
    assert "1 not sent" in str(between.summary)

    duty.sandbox.admin.clear_faults()
    duty.watch()

    run = check_agrees(duty, closed)
    assert (run.status, run.num_orders_not_sent) == ("failed", 0)
    assert "not sent" not in str(run.summary)
    with duty.engine.ledger() as ledger:
        assert [found.kind for found in ledger.books.open_breaks("sandbox")] == ["appeared"]
    assert duty.watch().recounted == []


def test_what_became_of_an_unknown_order_is_counted_also_while_the_books_cannot_be_compared(duty: Duty) -> None:
    closed, hidden = closed_with_an_unknown_order(duty)
    duty.sandbox.admin.clear_faults()
    duty.sandbox.admin.fault("plain_500", service="gateway", match={"method": "GET", "path": "/api/v1/positions"})

    (words,) = duty.watch().recounted

    run = reread(duty, closed)
    assert "its books were not compared" in words
    assert (run.status, run.num_orders_unknown) == ("partial", 0)
    duty.sandbox.admin.clear_faults()
    assert duty.watch().recounted == [check_agrees(duty, closed).summary]
    assert duty.watch().recounted == []
    assert duty.engine.submit(hidden.client_order_id).state == "open"


def test_a_run_without_a_gateway_connection_is_counted(duty: Duty) -> None:
    closed, hidden = closed_with_an_unknown_order(duty)
    duty.sandbox.admin.clear_faults()
    duty.engine.submit(hidden.client_order_id)

    with duty.engine.ledger() as ledger:
        (words,) = Watchdog(ledger, duty.engine.assembly(), {}, ()).look().recounted

    assert "no usable gateway connection names the account sandbox" in words
    assert reread(duty, closed).num_orders_unknown == 0


def test_every_run_that_reports_the_plan_is_counted_and_an_older_one_ends_no_alert_of_a_newer(duty: Duty) -> None:
    first, intents = closed_with_open_orders(duty)
    duty.plan("two", **PAIR)
    with duty.engine.ledger() as ledger:
        adopted = ledger.runs.latest(1)[0]
    second = duty.engine.track(adopted)
    assert (second.adopted, second.plan_id) == (True, first.plan_id)
    duty.plan("three", **PAIR)
    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert(
            RUN_FAILED.alarm(RUN_FAILED.key(first.strategy_id, first.mode, first.session_date), "the third run's"),
            strategy_id=first.strategy_id,
        )
    for intent in intents:
        duty.sandbox.admin.order(intent.client_order_id, status="filled")

    found = duty.watch()

    runs = [check_agrees(duty, run) for run in (first, second)]
    assert [run.status for run in runs] == ["completed", "completed"]
    assert found.recounted == [run.summary for run in runs]
    with duty.engine.ledger() as ledger:
        assert "the third run's" in [alert.message for alert in ledger.alerts.open()]
    assert duty.watch().recounted == []
