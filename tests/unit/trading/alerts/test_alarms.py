"""What a closed run alerts about, at and beyond every threshold; and what it took without ordered waits."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from include.trading.alerts.alarms import RunFacts, Thresholds, run_alarms
from include.trading.alerts.catalogue import RUN_FAILED
from include.trading.calendar.due import latest_due
from include.trading.calendar.sessions import trading_calendar
from include.trading.run.pace import paced, sending_time

START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


def facts(**changes: Any) -> RunFacts:
    """A good run of ten orders."""
    values: dict[str, Any] = {
        "run_id": UUID(int=1),
        "strategy_id": "s",
        "source": "the file picks.csv",
        "session": date(2026, 1, 5),
        "mode": "paper",
        "status": "completed",
        "error_message": None,
        "adopted": False,
        "mapped": True,
        "no_tradable_signal": False,
        "symbols": 10,
        "price_problems": 0,
        "wanted": 10,
        "submitted": 10,
        "orders": 10,
        "rejected": 0,
        "sending_seconds": 3,
    }
    return RunFacts.model_validate(values | changes)


def raised(**changes: Any) -> list[tuple[str, str]]:
    return [(alarm.kind, alarm.severity) for alarm in run_alarms(facts(**changes), Thresholds())]


@pytest.mark.parametrize(
    "at_the_threshold",
    [
        {},
        {"rejected": 1},
        {"submitted": 5},
        {"price_problems": 5},
        {"sending_seconds": 60},
        {"wanted": 0, "submitted": 0},
    ],
)
def test_a_run_at_a_threshold_alerts_about_nothing(at_the_threshold: dict[str, Any]) -> None:
    assert raised(**at_the_threshold) == []


@pytest.mark.parametrize(
    ("cause", "alarm"),
    [
        ({"status": "failed"}, ("run_failed", "critical")),
        ({"no_tradable_signal": True}, ("zero_signals", "warning")),
        ({"price_problems": 6}, ("prices_skipped", "warning")),
        ({"submitted": 4}, ("few_submitted", "warning")),
        ({"rejected": 2}, ("rejected", "warning")),
        ({"rejected": 5}, ("rejected", "warning")),
        ({"rejected": 6}, ("rejected", "critical")),
        ({"sending_seconds": 61}, ("slow_run", "warning")),
    ],
)
def test_a_run_beyond_a_threshold_alerts_about_that_alone(cause: dict[str, Any], alarm: tuple[str, str]) -> None:
    assert raised(**cause) == [alarm]


@pytest.mark.parametrize("mode", ["plan", "replay"])
def test_a_run_that_never_sends_is_not_blamed_for_sending_nothing(mode: str) -> None:
    assert raised(mode=mode, submitted=0, orders=0, sending_seconds=None) == []


def test_a_run_that_adopted_a_plan_is_not_blamed_for_the_time_another_took() -> None:
    assert raised(adopted=True, sending_seconds=3000) == []


def test_the_sessions_of_a_backfill_share_one_name_and_only_warn() -> None:
    (first,) = run_alarms(facts(mode="replay", status="failed"), Thresholds())
    (second,) = run_alarms(facts(mode="replay", status="failed", session=date(2026, 1, 6)), Thresholds())

    assert first.key == second.key
    assert first.severity == "warning"


def test_the_sessions_of_trading_have_a_name_each_under_the_strategys_own() -> None:
    (found,) = run_alarms(facts(status="failed"), Thresholds())

    assert found.key == "run_failed:s:paper:2026-01-05"
    assert found.key.startswith(RUN_FAILED.prefix("s", "paper"))


def test_without_an_acknowledgement_there_is_no_time_to_judge() -> None:
    assert sending_time(START, [], [], 80) is None


def test_the_time_is_from_start_to_the_last_acknowledgement() -> None:
    moments = [START + timedelta(seconds=second) for second in (1, 4, 2)]

    assert sending_time(START, moments, moments, None) == timedelta(seconds=4)


def test_waiting_for_the_limit_a_minute_does_not_count() -> None:
    # Two a minute: the third and fourth waited for the first and second to be a minute old.
    sent = [START + timedelta(seconds=second) for second in (1, 2, 61, 62)]

    assert paced(sent, 2) == timedelta(seconds=60)
    assert sending_time(START, [START + timedelta(seconds=63)], sent, 2) == timedelta(seconds=3)


def test_a_slow_worker_is_not_taken_for_pacing() -> None:
    sent = [START, START + timedelta(seconds=1), START + timedelta(seconds=300)]

    assert paced(sent, 2) == timedelta(seconds=59)


@pytest.mark.parametrize(
    ("schedule", "now", "session", "due"),
    [
        ("session", "2026-01-05T14:30", "2026-01-05", "2026-01-05T14:30"),
        ("session", "2026-01-05T14:29", "2026-01-02", "2026-01-02T14:30"),
        ("session+15", "2026-01-05T14:40", "2026-01-02", "2026-01-02T14:45"),
        ("session", "2026-01-05T23:00", "2026-01-05", "2026-01-05T14:30"),
        ("session", "2026-01-04T12:00", "2026-01-02", "2026-01-02T14:30"),
        ("30 9 * * 1-5", "2026-01-05T15:00", "2026-01-05", "2026-01-05T14:30"),
        ("30 9 * * 1-5", "2026-01-04T15:00", "2026-01-02", "2026-01-02T14:30"),
    ],
)
def test_the_newest_session_that_should_have_run(schedule: str, now: str, session: str, due: str) -> None:
    calendar = trading_calendar("XNYS", today=date(2026, 1, 5))

    found, found_due = latest_due(schedule, calendar, datetime.fromisoformat(now).replace(tzinfo=UTC))

    assert (found.day.isoformat(), found_due) == (session, datetime.fromisoformat(due).replace(tzinfo=UTC))


def test_who_is_asked_about_missing_weights_is_the_owner_of_the_source() -> None:
    (alarm,) = run_alarms(facts(no_tradable_signal=True), Thresholds())

    assert alarm.next_step.startswith("ask the file picks.csv's owner whether")
