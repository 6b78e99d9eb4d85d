"""Backfills by the scheduler itself: what they leave in the ledger, and that the gateway hears nothing of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.ops.main import main
from include.trading.calendar.sessions import trading_calendar
from tests.e2e import dated_sources
from tests.e2e.backfilling import DAG_ID, Backfills
from tests.e2e.live import Live
from tests.e2e.sized import COMPARED, SIZINGS, sized_id

CALENDAR = trading_calendar("XNYS", today=datetime.now(UTC).date())
NEWEST = CALENDAR.previous(CALENDAR.current(datetime.now(UTC)).day)
DAYS = CALENDAR.between(NEWEST.day - timedelta(days=60), NEWEST.day)[-21:-1]
PATIENCE_SECONDS = 900


@pytest.fixture
def backfills(live: Live) -> Iterator[Backfills]:
    """The DAG, switched on; nothing may have been sent when the test is over."""
    found = Backfills(live)
    found.switch_on()
    before = found.posts()
    yield found
    assert found.posts() == before


def test_twenty_sessions_by_rest_and_by_command_are_replayed_and_nothing_is_sent(backfills: Backfills) -> None:
    backfills.by_rest(DAYS[0], DAYS[9])
    backfills.wait(10, PATIENCE_SECONDS)
    backfills.by_command(DAYS[10], DAYS[19])
    runs = backfills.wait(20, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    replays = backfills.replays(DAYS[0], DAYS[-1])
    assert [run.session_date for run in replays] == list(DAYS)
    assert {(run.mode, run.mode_reason, run.status) for run in replays} == {
        ("replay", "a backfill never trades", "completed")
    }
    assert [run.as_of_date for run in replays] == [CALENDAR.previous(day).day for day in DAYS]
    assert all(run.num_orders_planned == 3 and run.num_orders_submitted == 0 for run in replays)


def test_reprocessing_makes_the_same_plans_again(backfills: Backfills) -> None:
    before = backfills.rows(DAYS[0], DAYS[4])

    backfills.by_rest(DAYS[0], DAYS[4], reprocess_behavior="completed", run_backwards=True)
    runs = backfills.wait(20, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    assert backfills.rows(DAYS[0], DAYS[4]) == before


def test_reprocessing_the_schedulers_own_run_leaves_its_row_untouched(backfills: Backfills) -> None:
    (scheduled,) = backfills.wait(1, PATIENCE_SECONDS, run_type="scheduled")
    (before,) = backfills.ledger_runs(scheduled["dag_run_id"])
    day = before.session_date

    backfills.by_rest(day, day, reprocess_behavior="completed")
    runs = backfills.wait(21, PATIENCE_SECONDS)

    assert {run["state"] for run in runs} == {"success"}
    both = backfills.ledger_runs(scheduled["dag_run_id"])
    assert sorted(run.run_type for run in both) == ["backfill", "scheduled"]
    assert before in both


def test_a_day_without_signals_succeeds_without_orders_also_when_it_is_cleared(backfills: Backfills) -> None:
    live = backfills.live
    live.sandbox.fault("empty_signals")
    run = live.trigger(DAG_ID, {"session_date": str(DAYS[0])})
    assert live.wait(run) == "success"

    live.clear_run(run)

    assert live.wait(run) == "success"
    assert {task["task_id"]: task["state"] for task in live.tasks(run)} == {
        "fetch_signals": "success",
        "map_orders": "success",
        "submit_orders": "skipped",
        "track_fills": "success",
    }
    assert live.task(run, "track_fills")["try_number"] == 2
    row = live.ledger_run(run)
    assert row is not None
    assert (row.mode, row.status, row.num_signals, row.num_orders_planned) == ("replay", "completed", 0, 0)


def test_dated_files_rows_and_functions_are_replayed_each_day_with_its_own_weights_and_nothing_is_sent(
    live: Live,
) -> None:
    dated_sources.write(live.folder / "dated", CALENDAR.between(DAYS[0], datetime.now(UTC).date()))
    first, last, planned_from = DAYS[-2], DAYS[-1], DAYS[-3:-1]
    backfills = [Backfills(live, f"{DAG_ID}_{source}") for source in dated_sources.SYMBOLS]
    for each in backfills:
        each.switch_on()
    posts = backfills[0].posts()
    for each in backfills:
        each.by_rest(first, last)
    before = {}
    for source, each in zip(dated_sources.SYMBOLS, backfills, strict=True):
        assert {run["state"] for run in each.wait(2, PATIENCE_SECONDS)} == {"success"}
        assert each.weights(first, last) == {day: dated_sources.weights_of(source, day) for day in planned_from}
        before[source] = each.rows(first, last)
        each.by_rest(first, last, reprocess_behavior="completed", run_backwards=True)
    for source, each in zip(dated_sources.SYMBOLS, backfills, strict=True):
        assert {run["state"] for run in each.wait(2, PATIENCE_SECONDS)} == {"success"}
        assert each.rows(first, last) == before[source]

    assert backfills[0].posts() == posts


@pytest.mark.parametrize("day", ["a Saturday", "the future"])
def test_a_session_that_cannot_be_fails_with_the_reason_and_leaves_nothing(backfills: Backfills, day: str) -> None:
    saturday = DAYS[0] - timedelta(days=(DAYS[0].weekday() - 5) % 7)
    future = CALENDAR.next(datetime.now(UTC).date() + timedelta(days=5)).day
    run = backfills.live.trigger(DAG_ID, {"session_date": str(saturday if day == "a Saturday" else future)})

    assert backfills.live.wait(run) == "failed"
    assert backfills.live.ledger_run(run) is None


def test_each_sizing_model_plans_the_same_twice_and_sends_nothing_and_one_report_compares_them(
    live: Live, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first, last = DAYS[-2:]
    models = [Backfills(live, f"daily_trading__{sized_id(name)}") for name in SIZINGS]
    # The report compares two sessions of one; for the others one is enough.
    begins = [first if name == "risk_parity" else last for name in SIZINGS]
    sessions = [1 + (begin == first) for begin in begins]
    for model in models:
        model.switch_on()
    posts = models[0].posts()
    for model, begin in zip(models, begins, strict=True):
        model.by_rest(begin, last)
    before = []
    for model, number in zip(models, sessions, strict=True):
        assert {run["state"] for run in model.wait(number, PATIENCE_SECONDS)} == {"success"}
        planned = model.replays(first, last)
        assert len(planned) == number
        assert all(run.num_orders_planned for run in planned)
        before.append((model.rows(last, last), model.shadows(last, last)))
        model.by_rest(last, last, reprocess_behavior="completed")
    for model, number in zip(models, sessions, strict=True):
        assert {run["state"] for run in model.wait(number, PATIENCE_SECONDS)} == {"success"}

    assert [(model.rows(last, last), model.shadows(last, last)) for model in models] == before
    assert models[0].posts() == posts
    report = ["report", "--replays", "--from", str(first), "--to", str(last), "--strategy", sized_id("risk_parity")]
    capsys.readouterr()
    assert main([*report, "--json", "--plot", str(tmp_path / "models.svg")], live.stack.env) == 0
    compared = json.loads(capsys.readouterr().out)["models"]
    assert sorted((each["model"], each["sized"]) for each in compared) == [(name, 2) for name in COMPARED]
    plot = (tmp_path / "models.svg").read_text()
    assert all(f"equity with {name}, USD" in plot for name in COMPARED if name != "risk_parity")
