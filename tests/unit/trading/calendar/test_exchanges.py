"""The table of exchanges agrees with the calendars, and schedules are read strictly."""

from __future__ import annotations

from collections import Counter
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from include.trading.calendar.exchanges import EXCHANGES, is_always_too_late, session_offset
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import InvalidData


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_table_says_what_the_calendar_says_of_regular_sessions(name: str) -> None:
    import exchange_calendars

    zone = ZoneInfo(EXCHANGES[name].timezone)
    recent = trading_calendar(name, today=date(2026, 11, 22)).sessions[-250:]

    (opens, minutes), _ = Counter(
        (session.open.astimezone(zone).time(), (session.close - session.open).total_seconds() // 60)
        for session in recent
    ).most_common(1)[0]

    assert (opens, minutes) == (EXCHANGES[name].opens, EXCHANGES[name].minutes)
    assert str(exchange_calendars.get_calendar(name, start="2026-01-01", end="2026-02-01").tz) == zone.key


@pytest.mark.parametrize(("schedule", "offset"), [("session", 0), ("session+0", 0), ("session+15", 15)])
def test_reads_the_minutes_after_the_open(schedule: str, offset: int) -> None:
    assert session_offset(schedule, "XNYS") == offset


@pytest.mark.parametrize("schedule", ["30 9 * * 1-5", "30 9 * * MON-FRI", "*/15 9-15 * * *"])
def test_takes_five_cron_fields_for_a_cron_schedule(schedule: str) -> None:
    assert session_offset(schedule, "XNYS") is None


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "@daily",
        "sessions",
        "session+",
        "session-15",
        "session+15 ",
        "session + 15",
        "61 9 * * 1-5",
        "30 9 * * 1-5 2026",
        "0 9 31 2 *",  # a date that never comes: Airflow would take it, and never run
    ],
)
def test_refuses_any_other_schedule_and_says_what_is_expected(schedule: str) -> None:
    with pytest.raises(InvalidData, match=r'expected "session", "session\+MINUTES" or five cron fields'):
        session_offset(schedule, "XNYS")


@pytest.mark.parametrize("schedule", ["session+385", "session+389", "session+390", "session+9999"])
def test_refuses_an_offset_at_which_nothing_may_be_sent_any_more(schedule: str) -> None:
    with pytest.raises(InvalidData, match="0 to 384 minutes after the open"):
        session_offset(schedule, "XNYS")


def test_takes_the_last_minute_in_which_a_regular_session_lets_orders_go() -> None:
    assert session_offset("session+384", "XNYS") == 384


@pytest.mark.parametrize(
    ("expression", "calendar", "late"),
    [
        ("57 15 * * 1-5", "XNYS", True),
        ("55 15 * * 1-5", "XNYS", True),
        ("54 15 * * 1-5", "XNYS", False),
        ("0,57 8,15 * * 1-5", "XNYS", False),
        ("57 8,15 * * 1-5", "XNYS", True),
        ("* * * * *", "XNYS", False),
        # Before the open and after the close: such runs only plan.
        ("57 8,16 * * 1-5", "XNYS", False),
        ("25 16 * * *", "XLON", True),
        ("24 16 * * *", "XLON", False),
        ("57 23 * * *", "24/7", True),
        ("0 0 * * *", "24/7", False),
    ],
)
def test_knows_a_cron_that_fires_in_regular_hours_only_too_late_to_send(
    expression: str, calendar: str, late: bool
) -> None:
    assert is_always_too_late(expression, calendar) is late


@pytest.mark.parametrize("schedule", ["session", "30 9 * * 1-5"])
def test_refuses_an_unknown_calendar_whatever_the_schedule(schedule: str) -> None:
    with pytest.raises(InvalidData, match="expected one of XNYS"):
        session_offset(schedule, "NYSE ")
