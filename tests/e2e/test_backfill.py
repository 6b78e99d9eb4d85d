"""Backfills by the scheduler itself: what they leave in the ledger, and that the gateway hears nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.trading.sessions import trading_calendar
from tests.e2e.backfilling import DAG_ID, Backfills, real_airflow

CALENDAR = trading_calendar("XNYS", today=datetime.now(UTC).date())
NEWEST = CALENDAR.previous(CALENDAR.current(datetime.now(UTC)).day)
DAYS = CALENDAR.between(NEWEST.day - timedelta(days=60), NEWEST.day)[-21:-1]
PATIENCE_SECONDS = 600


@pytest.fixture(scope="module")
def airflow() -> Iterator[Backfills]:
    with real_airflow() as running:
        yield running


def rows(airflow: Backfills, days: tuple[date, ...]) -> list[dict[str, Any]]:
    with airflow.ledger() as ledger:
        runs = ledger.runs.replays(days[0], days[-1])
        found = ledger.runs.mappings_of([run.run_id for run in runs])
    named = ("id", "run_id", "created_at", "updated_at")
    return [
        {name: value for name, value in row.items() if name not in named} | {"session": run.session_date}
        for run in runs
        for row in found[run.run_id]
    ]


def test_twenty_sessions_by_rest_and_by_command_are_replayed_and_nothing_is_sent(airflow: Backfills) -> None:
    airflow.by_rest(DAYS[0], DAYS[9])
    airflow.wait(10, PATIENCE_SECONDS)
    airflow.by_command(DAYS[10], DAYS[19])
    runs = airflow.wait(20, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    replays = airflow.replays(DAYS[0], DAYS[-1])
    assert [run.session_date for run in replays] == list(DAYS)
    assert {(run.mode, run.mode_reason, run.status) for run in replays} == {
        ("replay", "a backfill never trades", "completed")
    }
    assert [run.as_of_date for run in replays] == [CALENDAR.previous(day).day for day in DAYS]
    assert all(run.num_orders_planned == 4 and run.num_orders_submitted == 0 for run in replays)
    assert airflow.posts() == 0


def test_reprocessing_makes_the_same_plans_again(airflow: Backfills) -> None:
    before = rows(airflow, DAYS[:5])

    airflow.by_rest(DAYS[0], DAYS[4], reprocess_behavior="completed", run_backwards=True)
    runs = airflow.wait(20, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    assert rows(airflow, DAYS[:5]) == before
    assert airflow.posts() == 0


def test_reprocessing_the_schedulers_own_run_leaves_its_row_untouched(airflow: Backfills) -> None:
    (scheduled,) = airflow.wait(1, PATIENCE_SECONDS, run_type="scheduled")
    with airflow.ledger() as ledger:
        (before,) = [run for run in ledger.runs.latest(100) if run.airflow_run_id == scheduled["dag_run_id"]]
    day = before.session_date

    airflow.by_rest(day, day + timedelta(days=1), reprocess_behavior="completed")
    runs = airflow.wait(21, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    with airflow.ledger() as ledger:
        assert ledger.runs.get(before.run_id) == before
        both = [run for run in ledger.runs.latest(100) if run.airflow_run_id == scheduled["dag_run_id"]]
    assert sorted(run.run_type for run in both) == ["backfill", "scheduled"]
    assert airflow.posts() == 0


def test_a_day_without_signals_succeeds_without_orders_also_when_it_is_cleared(airflow: Backfills) -> None:
    airflow.sandbox.fault("empty_signals")
    conf = {"session_date": str(DAYS[0])}
    run_id = airflow.call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"]
    airflow.wait(1, PATIENCE_SECONDS, run_type="manual")

    airflow.call("POST", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/clear", {"dry_run": False})
    (run,) = airflow.wait(1, PATIENCE_SECONDS, run_type="manual")

    tasks = airflow.call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")["task_instances"]
    assert run["state"] == "success"
    assert {task["task_id"]: (task["state"], task["try_number"]) for task in tasks} == {
        "fetch_signals": ("success", 2),
        "map_orders": ("success", 2),
        "submit_orders": ("skipped", 0),
        "track_fills": ("success", 2),
    }
    with airflow.ledger() as ledger:
        (row,) = [row for row in ledger.runs.latest(100) if row.airflow_run_id == run_id]
    assert (row.mode, row.status, row.num_signals, row.num_orders_planned) == ("replay", "completed", 0, 0)
    assert airflow.posts() == 0


def test_a_session_that_is_no_trading_day_fails_with_the_reason_and_leaves_nothing(airflow: Backfills) -> None:
    saturday = DAYS[0] - timedelta(days=(DAYS[0].weekday() - 5) % 7)
    conf = {"session_date": str(saturday)}
    run_id = airflow.call(
        "POST", f"/api/v2/dags/{DAG_ID}/dagRuns", {"logical_date": None, "conf": conf, "dag_run_id": "saturday"}
    )["dag_run_id"]

    runs = airflow.wait(2, PATIENCE_SECONDS, run_type="manual")

    assert {run["dag_run_id"]: run["state"] for run in runs}[run_id] == "failed"
    with airflow.ledger() as ledger:
        assert [row for row in ledger.runs.latest(100) if row.airflow_run_id == run_id] == []
