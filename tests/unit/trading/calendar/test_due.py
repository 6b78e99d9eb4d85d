"""Which session's run was due: sessions are counted, not firings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.trading.calendar.due import cron_due, due_at, latest_due
from include.trading.calendar.exchanges import latest_offset
from include.trading.calendar.next_run import next_run
from include.trading.calendar.sessions import sending_window, trading_calendar

NEW_YORK = ZoneInfo("America/New_York")
TODAY = date(2026, 11, 20)
CALENDAR = trading_calendar("XNYS", today=TODAY)
HALF_DAY = date(2026, 11, 27)  # closes at 13:00; the day before is a holiday


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


@pytest.mark.parametrize(
    ("expression", "now", "session", "due"),
    [
        # A firing after the early close is no run of the half day: that was due at its open.
        ("30 15 * * 1-5", at(27, 15, 31), 27, at(27, 9, 30)),
        ("30 15 * * 1-5", at(27, 9, 31), 27, at(27, 9, 30)),
        # The firing on the holiday is no run of the half day either.
        ("30 15 * * 1-5", at(26, 16), 25, at(25, 15, 30)),
        ("30 15 * * 1-5", at(27, 9, 29), 25, at(25, 15, 30)),
        ("30 15 * * 1-5", at(30, 15, 29), 27, at(27, 9, 30)),
        ("30 15 * * 1-5", at(30, 15, 30), 30, at(30, 15, 30)),
        ("30 9 * * 1-5", at(29, 12), 27, at(27, 9, 30)),
        # The first firing of several counts.
        ("0 10-15 * * 1-5", at(27, 14), 27, at(27, 10)),
        # Only Mondays: no other session is due.
        ("30 9 * * 1", at(27, 15), 23, at(23, 9, 30)),
        # Out of hours: it plans the session to come.
        ("0 8 * * 1-5", at(27, 8, 30), 27, at(27, 8)),
        ("0 18 * * 1-5", at(25, 19), 25, at(24, 18)),
        ("0 18 * * 1-5", at(27, 13), 27, at(26, 18)),
    ],
)
def test_names_the_newest_session_whose_run_was_due(
    expression: str, now: datetime, session: int, due: datetime
) -> None:
    found = latest_due(expression, CALENDAR, now)

    assert found is not None
    assert (found[0].day, found[1]) == (date(2026, 11, session), due)


def test_an_expression_that_is_never_due_has_no_session() -> None:
    assert latest_due("30 10 * * 6", CALENDAR, at(20, 12)) is None


@given(
    hour=st.integers(9, 15),
    minute=st.integers(0, 59),
    days=st.sampled_from(["1-5", "*", "MON-FRI"]),
)
@settings(max_examples=60, deadline=None)
def test_a_daily_firing_in_regular_hours_makes_one_run_of_each_session_that_it_can_send_in(
    hour: int, minute: int, days: str
) -> None:
    expression = f"{minute} {hour} * * {days}"
    regular = at(20, hour, minute)
    if not at(20, 9, 30) <= regular < at(20, 15, 55):
        return
    for day in CALENDAR.between(date(2026, 11, 20), date(2026, 12, 28)):
        session = CALENDAR.session(day)
        due = cron_due(expression, CALENDAR, session)

        assert due is not None
        window = sending_window(session, due)
        assert window.allows(due)
        assert next_run(expression, CALENDAR, due - timedelta(seconds=1)) == due
        assert latest_due(expression, CALENDAR, due) == (session, due)
        assert due == session.open or due.astimezone(NEW_YORK).time() == regular.astimezone(NEW_YORK).time()


@pytest.mark.parametrize("calendar", ["XNYS", "XLON", "XTKS", "24/7"])
def test_every_offset_that_is_accepted_leaves_time_to_send_in_every_session(calendar: str) -> None:
    days = trading_calendar(calendar, today=TODAY)
    for offset in (0, 1, latest_offset(calendar) // 2, latest_offset(calendar)):
        for session in days.sessions[-300:]:
            due = due_at(session, offset, calendar)

            assert sending_window(session, due).allows(due)


@pytest.mark.parametrize(
    ("offset", "due"), [(189, at(27, 12, 39)), (190, at(27, 12, 40)), (191, at(27, 9, 30)), (240, at(27, 9, 30))]
)
def test_a_day_that_closes_early_leaves_a_quarter_of_an_hour_to_send_or_runs_at_the_open(
    offset: int, due: datetime
) -> None:
    assert due_at(CALENDAR.session(HALF_DAY), offset, "XNYS") == due


def test_a_closure_is_no_session_for_what_is_due_and_for_what_comes_next() -> None:
    closed = trading_calendar("XNYS", today=TODAY, closures=[date(2026, 11, 25)])

    for schedule in ("session", "session+60", "30 9 * * 1-5"):
        found = latest_due(schedule, closed, at(25, 12))
        assert found is not None
        assert found[0].day == date(2026, 11, 24)
    assert next_run("session", closed, at(24, 12)) == at(27, 9, 30)
