"""When the DAGs run: the sequences of runs that Airflow asks the timetable for, without a database."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from airflow import plugins_manager
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from pendulum import DateTime, instance
from structlog.testing import capture_logs

from include.launcher.paths import ROOT
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import InvalidData
from include.trading.strategy.schedule_spec import Arrival, Schedule
from tests.bench.imports import inner_imports
from trading_airflow.timetable import ExchangeCloseTimetable, ExchangeSessionTimetable, schedule_for
from trading_airflow.warmup import MODULES, forks_tasks

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday


def new_york(month: int, day: int, hour: int = 9, minute: int = 30, year: int = 2026) -> DateTime:
    return instance(datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC))


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr("trading_airflow.timetable.utcnow", lambda: now)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, NOW)


def next_run(
    timetable: Timetable,
    last: DateTime | None = None,
    *,
    earliest: DateTime | None = None,
    latest: DateTime | None = None,
    catchup: bool = False,
) -> DagRunInfo | None:
    return timetable.next_dagrun_info(
        last_automated_data_interval=last and DataInterval.exact(last),
        restriction=TimeRestriction(earliest, latest, catchup),
    )


def runs_between(timetable: Timetable, earliest: DateTime, latest: DateTime) -> list[DateTime]:
    """Return the runs as a backfill and catchup ask for them: one after the other, from earliest to latest."""
    runs: list[DateTime] = []
    while info := next_run(timetable, runs[-1] if runs else None, earliest=earliest, latest=latest, catchup=True):
        runs.append(info.run_after)
    return runs


def test_a_run_is_a_moment_with_that_moment_as_its_interval() -> None:
    info = next_run(ExchangeSessionTimetable(), new_york(11, 20))

    assert info == DagRunInfo.exact(new_york(11, 23))
    assert info.logical_date == new_york(11, 23)


def test_every_session_of_a_week_with_a_holiday_and_an_early_close_runs_at_the_open() -> None:
    runs = runs_between(ExchangeSessionTimetable(), new_york(11, 23, 0, 0), new_york(11, 30, 23))

    assert runs == [new_york(11, 23), new_york(11, 24), new_york(11, 25), new_york(11, 27), new_york(11, 30)]


@pytest.mark.parametrize(("monday", "utc_hour"), [((3, 9), 13), ((11, 2), 14)])
def test_runs_follow_new_york_when_the_clocks_change(monday: tuple[int, int], utc_hour: int) -> None:
    month, day = monday
    start = new_york(month, day, 0, 0)

    runs = runs_between(ExchangeSessionTimetable(), start.subtract(days=3), start.add(days=1))

    assert len(runs) == 2
    assert runs[-1] == datetime(2026, month, day, utc_hour, 30, tzinfo=UTC)
    assert {run.in_timezone("America/New_York").time().isoformat() for run in runs} == {"09:30:00"}


def test_a_backfill_of_a_year_reaches_every_session_once() -> None:
    runs = runs_between(ExchangeSessionTimetable(), new_york(1, 1, 0, 0, 2025), new_york(12, 31, 23, 59, 2025))

    days = trading_calendar("XNYS", today=NOW.date()).between(date(2025, 1, 1), date(2025, 12, 31))
    assert tuple(run.date() for run in runs) == days


def test_both_ends_of_a_range_are_included() -> None:
    assert runs_between(ExchangeSessionTimetable(), new_york(11, 24), new_york(11, 25)) == [
        new_york(11, 24),
        new_york(11, 25),
    ]


def test_an_offset_moves_every_run() -> None:
    info = next_run(ExchangeSessionTimetable("XNYS", 15), new_york(11, 20, 9, 45))

    assert info == DagRunInfo.exact(new_york(11, 23, 9, 45))


def test_a_run_due_after_an_early_close_takes_place_at_the_open() -> None:
    timetable = ExchangeSessionTimetable("XNYS", 210)  # 13:00, when 27 November closes

    runs = runs_between(timetable, new_york(11, 25, 0, 0), new_york(11, 30, 23))

    assert runs == [new_york(11, 25, 13, 0), new_york(11, 27), new_york(11, 30, 13, 0)]


@pytest.mark.parametrize("offset_minutes", [0, 1, 190, 191, 384])
def test_every_run_lies_in_the_turn_of_its_own_session(offset_minutes: int) -> None:
    calendar = trading_calendar("XNYS", today=NOW.date())

    runs = runs_between(ExchangeSessionTimetable("XNYS", offset_minutes), new_york(6, 1), new_york(12, 31, 23))

    assert [calendar.current(run).day for run in runs] == [run.date() for run in runs]
    assert len(set(runs)) == len(runs) == 149


def test_unpausing_runs_the_latest_session_and_then_the_next() -> None:
    timetable = ExchangeSessionTimetable()
    start = new_york(1, 2)

    first = next_run(timetable, earliest=start)

    assert first == DagRunInfo.exact(new_york(11, 20))
    assert next_run(timetable, first.run_after, earliest=start) == DagRunInfo.exact(new_york(11, 23))


def test_a_dag_without_start_date_begins_with_the_next_session() -> None:
    assert next_run(ExchangeSessionTimetable()) == DagRunInfo.exact(new_york(11, 23))
    assert next_run(ExchangeSessionTimetable(), catchup=True) == DagRunInfo.exact(new_york(11, 23))


def test_a_dag_that_starts_in_the_future_waits_for_its_first_session() -> None:
    assert next_run(ExchangeSessionTimetable(), earliest=new_york(12, 25)) == DagRunInfo.exact(new_york(12, 28))


def test_a_start_far_beyond_the_calendar_of_today_is_reached() -> None:
    start = new_york(1, 1, year=2031)

    assert next_run(ExchangeSessionTimetable(), earliest=start) == DagRunInfo.exact(new_york(1, 2, year=2031))


def test_a_scheduler_that_was_down_for_days_makes_up_for_the_latest_session_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_clock(monkeypatch, new_york(11, 25, 11, 0))

    info = next_run(ExchangeSessionTimetable(), new_york(11, 19), earliest=new_york(1, 2))

    assert info == DagRunInfo.exact(new_york(11, 25))


def test_catchup_makes_up_for_every_session(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, new_york(11, 25, 11, 0))

    info = next_run(ExchangeSessionTimetable(), new_york(11, 19), earliest=new_york(1, 2), catchup=True)

    assert info == DagRunInfo.exact(new_york(11, 20))


def test_before_the_offset_has_passed_the_latest_run_is_the_previous_session_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    timetable = ExchangeSessionTimetable("XNYS", 60)
    set_clock(monkeypatch, new_york(11, 24, 10, 29))
    assert next_run(timetable, earliest=new_york(1, 2)) == DagRunInfo.exact(new_york(11, 23, 10, 30))

    set_clock(monkeypatch, new_york(11, 24, 10, 30))
    assert next_run(timetable, earliest=new_york(1, 2)) == DagRunInfo.exact(new_york(11, 24, 10, 30))


def test_no_run_after_the_end_date() -> None:
    assert next_run(ExchangeSessionTimetable(), new_york(11, 20), latest=new_york(11, 22)) is None


def test_a_scheduler_that_lives_for_years_never_reaches_the_calendar_s_end(monkeypatch: pytest.MonkeyPatch) -> None:
    timetable, run = ExchangeSessionTimetable(), new_york(12, 30)

    for _ in range(1300):
        set_clock(monkeypatch, run + timedelta(minutes=1))
        info = next_run(timetable, run, earliest=new_york(1, 2))
        assert run < info.run_after <= run.add(days=5)
        run = info.run_after

    assert run.year == 2032


def test_a_range_before_the_calendar_begins_with_its_first_session() -> None:
    runs = runs_between(ExchangeSessionTimetable(), new_york(1, 1, year=2000), new_york(1, 4, year=2005))

    assert runs == [new_york(1, 3, year=2005), new_york(1, 4, year=2005)]


def test_a_manual_run_s_interval_is_its_own_moment() -> None:
    moment = new_york(11, 22, 15, 7)

    assert ExchangeSessionTimetable().infer_manual_data_interval(run_after=moment) == DataInterval.exact(moment)


def test_a_failing_calendar_is_logged_before_airflow_swallows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, *, today: date, closures: object) -> None:
        raise InvalidData(f"calendar {name}: gone")

    monkeypatch.setattr("trading_airflow.timetable.trading_calendar", broken)
    dag = DAG("swallows", schedule=ExchangeSessionTimetable(), start_date=new_york(11, 1))
    serialized = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    with capture_logs() as logs:
        infos = list(serialized.iter_dagrun_infos_between(new_york(11, 1), new_york(11, 20)))

    assert infos == []
    assert [entry["log_level"] for entry in logs if entry.get("timetable") == "XNYS sessions, at the open"] == ["error"]


@pytest.mark.parametrize(
    ("timetable", "summary", "description"),
    [
        (
            ExchangeSessionTimetable(),
            "XNYS sessions, at the open",
            "Every session of XNYS, at the open (09:30 America/New_York on a regular day)",
        ),
        (
            ExchangeSessionTimetable("XLON", 75),
            "XLON sessions, 75 min after the open",
            "Every session of XLON, 75 min after the open (09:15 Europe/London on a regular day)",
        ),
    ],
)
def test_describes_itself_in_words(timetable: Timetable, summary: str, description: str) -> None:
    assert (timetable.summary, timetable.description) == (summary, description)


def test_survives_the_serialization_of_its_dag() -> None:
    dag = DAG("round_trip", schedule=ExchangeSessionTimetable("XTKS", 20), start_date=new_york(11, 1))

    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable

    assert isinstance(restored, ExchangeSessionTimetable)
    assert restored.serialize() == {"calendar": "XTKS", "offset_minutes": 20}
    assert restored.summary == dag.timetable.summary


def test_the_plugin_registers_the_timetable_and_nothing_else_is_loaded_as_a_plugin() -> None:
    name = "trading_airflow.timetable.ExchangeSessionTimetable"

    assert plugins_manager.get_import_errors() == {}
    assert plugins_manager.get_timetables_plugins()[name] is ExchangeSessionTimetable
    assert "timetable" not in sys.modules  # what the loader would call it without .airflowignore


def test_a_schedule_of_sessions_is_the_session_timetable() -> None:
    assert schedule_for("session+15", "XLON").serialize() == {"calendar": "XLON", "offset_minutes": 15}


def test_a_cron_schedule_is_read_in_the_exchange_s_time_zone_and_knows_no_holidays() -> None:
    timetable = schedule_for("30 9 * * 1-5", "XNYS")

    runs = runs_between(timetable, new_york(10, 30, 0, 0), new_york(11, 2, 23))
    thanksgiving = runs_between(timetable, new_york(11, 26, 0, 0), new_york(11, 26, 23))

    assert runs == [new_york(10, 30), new_york(11, 2)]
    assert thanksgiving == [new_york(11, 26)]


def test_a_cron_firing_after_an_early_close_takes_place_at_the_open_and_any_other_day_when_it_says() -> None:
    timetable = schedule_for("30 15 * * 1-5", "XNYS")

    runs = runs_between(timetable, new_york(11, 25, 0, 0), new_york(11, 30, 23))

    assert runs == [new_york(11, 25, 15), new_york(11, 26, 15), new_york(11, 27), new_york(11, 30, 15)]


@pytest.mark.parametrize(("hour", "run"), [(9, (25, 15)), (12, (27, 9)), (16, (27, 9))])
def test_without_catchup_a_moved_cron_run_is_made_up_for_once(
    monkeypatch: pytest.MonkeyPatch, hour: int, run: tuple[int, int]
) -> None:
    timetable = schedule_for("30 15 25,27 11 *", "XNYS")
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: new_york(11, 27, hour, 0))

    info = next_run(timetable, earliest=new_york(1, 2))
    again = next_run(timetable, info.run_after, earliest=new_york(1, 2))

    assert info.run_after == new_york(11, *run)
    assert again.run_after in (new_york(11, 27), new_york(11, 25, 15, year=2027))
    assert again.run_after > info.run_after


def test_a_cron_schedule_survives_the_serialization_of_its_dag() -> None:
    timetable = schedule_for("30 15 * * 1-5", "XNYS", [date(2026, 11, 24)])
    dag = DAG("round_trip", schedule=timetable, start_date=new_york(11, 1))

    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable

    assert restored.serialize() == {"expression": "30 15 * * 1-5", "calendar": "XNYS", "closures": ["2026-11-24"]}
    assert (restored.summary, restored.description) == (timetable.summary, timetable.description)
    assert runs_between(restored, new_york(11, 27, 0, 0), new_york(11, 27, 23)) == [new_york(11, 27)]


def test_a_closure_has_no_run() -> None:
    timetable = schedule_for("session+15", "XNYS", [date(2026, 11, 24), date(2026, 11, 25)])
    dag = DAG("round_trip", schedule=timetable, start_date=new_york(11, 1))

    for each in (timetable, DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable):
        assert runs_between(each, new_york(11, 23, 0, 0), new_york(11, 30, 23)) == [
            new_york(11, 23, 9, 45),
            new_york(11, 27, 9, 45),
            new_york(11, 30, 9, 45),
        ]


def test_without_a_schedule_there_is_no_timetable() -> None:
    assert schedule_for(None, "XNYS") is None


@pytest.mark.parametrize(
    ("schedule", "calendar", "message"),
    [
        ("session", "NYSE", "expected one of XNYS"),
        ("30 9 * * 1-5", "NYSE", "expected one of XNYS"),
        ("session+385", "XNYS", "0 to 384 minutes after the open"),
        ("9:30", "XNYS", "five cron fields"),
    ],
)
def test_refuses_a_schedule_it_cannot_keep(schedule: str, calendar: str, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        schedule_for(schedule, calendar)


@pytest.mark.parametrize("offset_minutes", [-1, 385])
def test_refuses_a_run_outside_a_regular_session(offset_minutes: int) -> None:
    with pytest.raises(InvalidData, match="0 to 384 minutes after the open"):
        ExchangeSessionTimetable("XNYS", offset_minutes)


def modules_after(script: str, command: str) -> set[str]:
    """Return the modules loaded after a script, run by a fresh interpreter as `airflow COMMAND` would be."""
    code = f"import sys\n{script}\nprint('loaded:', *sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, command], env=environment, check=True, capture_output=True, text=True
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


def test_defining_a_dag_computes_no_calendar() -> None:
    loaded = modules_after(
        "from airflow.sdk import DAG\n"
        "from trading_airflow.timetable import schedule_for\n"
        "from airflow.serialization.serialized_objects import DagSerialization\n"
        "for schedule in ('session', 'session+15', '30 9 * * 1-5'):\n"
        "    dag = DAG('parsed', schedule=schedule_for(schedule, 'XNYS'))\n"
        "    dag.validate()\n"
        "    DagSerialization.from_dict(DagSerialization.to_dict(dag))",
        "dag-processor",
    )

    assert "trading_plugin" in loaded
    assert not loaded & {"pandas", "exchange_calendars"}


def test_the_scheduler_loads_heavy_imports_with_the_plugin() -> None:
    loaded = modules_after("from airflow import plugins_manager; plugins_manager.ensure_plugins_loaded()", "scheduler")

    assert loaded >= set(MODULES)
    folder = ROOT / "plugins" / "trading_airflow"
    of_tasks = [*folder.glob("operators/*.py"), *folder.glob("hooks/*.py"), folder / "alerts.py", folder / "waiting.py"]
    assert loaded >= set(inner_imports(*of_tasks)), "what a task imports itself, each task pays for"


@pytest.mark.parametrize(
    ("arguments", "forks"),
    [
        (["airflow", "scheduler", "--num-runs", "1"], True),
        (["airflow", "celery", "worker"], True),
        (["airflow", "celery", "flower"], False),
        (["airflow", "api-server"], False),
        (["airflow"], False),
    ],
)
def test_only_what_forks_tasks_loads_heavy_imports(arguments: list[str], forks: bool) -> None:
    assert forks_tasks(arguments) is forks


def test_books_are_closed_after_each_close_early_ones_too() -> None:
    timetable = ExchangeCloseTimetable("XNYS", 20)

    # Thanksgiving has no session, the day after it closes at 13:00.
    assert runs_between(timetable, new_york(11, 25), new_york(11, 30, 23)) == [
        new_york(11, 25, 16, 20),
        new_york(11, 27, 13, 20),
        new_york(11, 30, 16, 20),
    ]


def test_a_close_that_was_slept_through_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, datetime(2026, 11, 24, 21, 10, tzinfo=UTC))
    timetable = ExchangeCloseTimetable.deserialize(ExchangeCloseTimetable("XNYS", 20).serialize())

    # Ten minutes after the close: the newest whose time has come is yesterday's.
    info = next_run(timetable)

    assert info is not None
    assert info.run_after == new_york(11, 24, 16, 20)
    made_up = next_run(timetable, new_york(11, 20, 16, 20))
    assert made_up is not None
    assert made_up.run_after == new_york(11, 23, 16, 20)


# ── when signals arrive ──


def scheduled(schedule: Schedule) -> Timetable:
    """Return the timetable as the scheduler has it: written and read again."""
    dag = DAG("arriving", schedule=schedule_for(schedule, "XNYS"), start_date=new_york(11, 2))
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).timetable


def test_signals_alone_start_runs_at_no_time() -> None:
    timetable = scheduled(Arrival(assets=("scores", "risk")))

    assert [(key.name, key.uri) for key, _ in timetable.asset_condition.iter_assets()] == [
        ("scores", "scores"),
        ("risk", "risk"),
    ]
    assert next_run(timetable) is None
    assert not timetable.periodic


def test_a_time_and_signals_start_a_run_at_the_time_and_at_each_event() -> None:
    timetable = scheduled(Arrival(assets=("scores", "risk"), at="session+10", deadline="session+60"))

    assert runs_between(timetable, new_york(11, 23, 0, 0), new_york(11, 24, 23)) == [
        new_york(11, 23, 9, 40),
        new_york(11, 24, 9, 40),
    ]
    assert timetable.periodic
