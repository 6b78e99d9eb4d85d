"""When a strategy runs next."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from include.trading.calendar.next_run import next_run
from include.trading.calendar.sessions import trading_calendar

CALENDAR = trading_calendar("XNYS", today=date(2025, 11, 20))


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("session", "2025-11-20T14:29", "2025-11-20T14:30"),
        ("session", "2025-11-20T14:30", "2025-11-21T14:30"),
        ("session+15", "2025-11-20T14:30", "2025-11-20T14:45"),
        ("session", "2025-11-21T23:00", "2025-11-24T14:30"),
        ("session+240", "2025-11-28T12:00", "2025-11-28T14:30"),
        ("30 9 * * 1-5", "2025-11-20T15:00", "2025-11-21T14:30"),
        ("30 9 * * 1-5", "2025-03-07T15:00", "2025-03-10T13:30"),
    ],
    ids=["before_the_open", "after_it", "offset", "over_a_weekend", "early_close", "cron", "cron_over_summer_time"],
)
def test_names_the_first_run_after_now(schedule: str, now: str, due: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert next_run(schedule, CALENDAR, moment) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_strategy_run_by_hand_has_none() -> None:
    assert next_run(None, CALENDAR, datetime(2025, 11, 20, tzinfo=UTC)) is None
