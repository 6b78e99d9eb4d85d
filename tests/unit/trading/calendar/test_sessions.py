"""Which days trade and when: against the real calendars, on the days that go wrong elsewhere."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.calendar.sessions import Session, TradingCalendar, sending_window, trading_calendar
from include.trading.errors import InvalidData

TODAY = date(2026, 11, 22)
NEW_YORK = ZoneInfo("America/New_York")


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.fixture(scope="module")
def xnys() -> TradingCalendar:
    return trading_calendar("XNYS", today=TODAY)


def test_knows_open_and_close_of_a_session_in_utc(xnys: TradingCalendar) -> None:
    assert xnys.session(date(2026, 11, 23)) == Session(
        date(2026, 11, 23), utc(2026, 11, 23, 14, 30), utc(2026, 11, 23, 21)
    )


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 7, 3),  # Independence Day, observed on the Friday
        date(2026, 11, 26),  # Thanksgiving
        date(2026, 4, 3),  # Good Friday
        date(2025, 1, 9),  # the day of mourning for a president, announced days before
        date(2026, 11, 21),  # Saturday
        date(2026, 11, 22),  # Sunday
    ],
)
def test_does_not_trade_on_holidays_and_weekends(xnys: TradingCalendar, day: date) -> None:
    assert not xnys.is_session(day)
    with pytest.raises(InvalidData, match="expected a trading day of XNYS"):
        xnys.session(day)


def test_names_the_nearest_sessions_of_a_day_that_does_not_trade(xnys: TradingCalendar) -> None:
    with pytest.raises(InvalidData, match=r"Thursday 2026-11-26.*2026-11-25 and 2026-11-27"):
        xnys.session(date(2026, 11, 26))


@pytest.mark.parametrize("day", [date(2026, 11, 27), date(2026, 12, 24)])
def test_closes_at_one_in_the_afternoon_on_early_closes(xnys: TradingCalendar, day: date) -> None:
    assert xnys.session(day).close == datetime(day.year, day.month, day.day, 13, tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("before", "after", "opens_before", "opens_after"),
    [
        (date(2026, 3, 6), date(2026, 3, 9), 14, 13),  # clocks go forward on 8 March
        (date(2026, 10, 30), date(2026, 11, 2), 13, 14),  # and back on 1 November
    ],
)
def test_opens_at_half_past_nine_in_new_york_on_both_sides_of_a_clock_change(
    xnys: TradingCalendar, before: date, after: date, opens_before: int, opens_after: int
) -> None:
    assert xnys.session(before).open == utc(before.year, before.month, before.day, opens_before, 30)
    assert xnys.session(after).open == utc(after.year, after.month, after.day, opens_after, 30)
    assert xnys.next(before) == xnys.session(after)


def test_finds_the_neighbours_of_a_session_and_of_a_day_without_one(xnys: TradingCalendar) -> None:
    assert xnys.previous(date(2026, 11, 27)).day == date(2026, 11, 25)
    assert xnys.previous(date(2026, 11, 26)).day == date(2026, 11, 25)
    assert xnys.next(date(2026, 11, 25)).day == date(2026, 11, 27)
    assert xnys.next(date(2026, 11, 26)).day == date(2026, 11, 27)


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (utc(2026, 11, 23, 14, 30), date(2026, 11, 23)),  # at the open
        (utc(2026, 11, 23, 21) - timedelta(microseconds=1), date(2026, 11, 23)),
        (utc(2026, 11, 23, 21), date(2026, 11, 24)),  # at the close the next one's turn begins
        (utc(2026, 11, 22, 12), date(2026, 11, 23)),  # Sunday
        (utc(2026, 11, 25, 21), date(2026, 11, 27)),  # over a holiday
        (utc(2026, 11, 27, 17, 59), date(2026, 11, 27)),
        (utc(2026, 11, 27, 18), date(2026, 11, 30)),  # after an early close
    ],
)
def test_a_session_is_current_from_the_previous_close_until_its_own(
    xnys: TradingCalendar, now: datetime, day: date
) -> None:
    assert xnys.current(now).day == day


@given(minutes=st.integers(min_value=24 * 60, max_value=8395 * 24 * 60))
def test_every_moment_belongs_to_exactly_one_session(minutes: int) -> None:
    calendar = trading_calendar("XNYS", today=TODAY)
    now = utc(2005, 1, 3) + timedelta(minutes=minutes)

    session = calendar.current(now)

    assert calendar.previous(session.day).close <= now < session.close


@pytest.mark.parametrize("name", ["XNYS", "XLON", "XTKS", "24/7"])
def test_sessions_follow_each_other_without_overlap(name: str) -> None:
    sessions = trading_calendar(name, today=TODAY).sessions

    assert all(session.open < session.close for session in sessions)
    assert all(earlier.close <= later.open and earlier.day < later.day for earlier, later in pairwise(sessions))


def test_lists_the_sessions_between_two_days_both_included(xnys: TradingCalendar) -> None:
    assert xnys.between(date(2026, 11, 25), date(2026, 11, 30)) == (
        date(2026, 11, 25),
        date(2026, 11, 27),
        date(2026, 11, 30),
    )
    assert xnys.between(date(2026, 11, 21), date(2026, 11, 22)) == ()
    assert xnys.between(date(2026, 11, 21), date(2026, 11, 23)) == (date(2026, 11, 23),)


def test_refuses_a_range_that_ends_before_it_begins(xnys: TradingCalendar) -> None:
    with pytest.raises(InvalidData, match="2026-11-25 to 2026-11-24"):
        xnys.between(date(2026, 11, 25), date(2026, 11, 24))


def test_covers_the_sandbox_data_and_a_year_from_any_today() -> None:
    for today in (date(2026, 1, 1), date(2026, 12, 31)):
        calendar = trading_calendar("XNYS", today=today)

        assert calendar.first.day == date(2005, 1, 3)
        assert calendar.current(datetime(2027, 12, 31, tzinfo=UTC)).day == date(2027, 12, 31)


def test_builds_a_calendar_once_a_year() -> None:
    assert trading_calendar("XNYS", today=date(2026, 1, 1)) is trading_calendar("XNYS", today=date(2026, 12, 31))
    assert trading_calendar("XNYS", today=date(2027, 1, 1)).last.day == date(2028, 12, 29)


def test_refuses_what_lies_outside_the_calendar(xnys: TradingCalendar) -> None:
    message = "calendar XNYS: sessions from 2005-01-03 to 2027-12-31 are known"
    with pytest.raises(InvalidData, match=message):
        xnys.session(date(2031, 5, 5))
    with pytest.raises(InvalidData, match=message):
        xnys.is_session(date(2004, 12, 31))
    with pytest.raises(InvalidData, match=message):
        xnys.previous(date(2005, 1, 3))
    with pytest.raises(InvalidData, match=message):
        xnys.next(date(2027, 12, 31))
    with pytest.raises(InvalidData, match=message):
        xnys.current(utc(2027, 12, 31, 21))
    with pytest.raises(InvalidData, match=message):
        xnys.current(utc(2005, 1, 3, 14, 29))
    with pytest.raises(InvalidData, match=message):
        xnys.between(date(2027, 12, 30), date(2028, 1, 3))


def test_names_the_calendars_there_are_when_asked_for_another() -> None:
    with pytest.raises(InvalidData, match=r"expected one of XNYS, .*24/7; got 'NYC'"):
        trading_calendar("NYC", today=TODAY)


def test_importing_sessions_loads_no_calendar_library() -> None:
    heavy = "{'pandas', 'exchange_calendars'}"
    script = f"import sys, include.trading.calendar.sessions; sys.exit(bool({heavy} & set(sys.modules)))"

    subprocess.run([sys.executable, "-c", script], check=True)


def test_sends_for_forty_five_minutes_after_the_start(xnys: TradingCalendar) -> None:
    session = xnys.session(date(2026, 11, 23))

    window = sending_window(session, session.open)

    assert window == (session.open, session.open + timedelta(minutes=45))
    assert window.allows(session.open)
    assert not window.allows(window.send_until)


def test_stops_sending_five_minutes_before_the_close(xnys: TradingCalendar) -> None:
    early = xnys.session(date(2026, 11, 27))

    window = sending_window(early, utc(2026, 11, 27, 17, 30))

    assert window.send_until == utc(2026, 11, 27, 17, 55)


session_lengths = st.integers(min_value=1, max_value=1440)


@given(
    length=session_lengths,
    started=st.integers(min_value=-3000, max_value=3000),
    now=st.integers(min_value=-3000, max_value=3000),
    send_minutes=st.integers(min_value=1, max_value=600),
    margin=st.integers(min_value=0, max_value=60),
)
def test_never_sends_outside_the_session_nor_long_after_the_start(
    length: int, started: int, now: int, send_minutes: int, margin: int
) -> None:
    opens = utc(2026, 11, 23, 14, 30)
    session = Session(opens.date(), opens, opens + timedelta(minutes=length))
    started_at, at = opens + timedelta(minutes=started), opens + timedelta(minutes=now)

    window = sending_window(session, started_at, send_minutes=send_minutes, close_margin_minutes=margin)

    wanted = 0 <= now < min(length - margin, started + send_minutes)
    assert window.allows(at) is wanted


def test_a_closure_is_no_session_and_leaves_the_close_before_it_as_the_previous_one() -> None:
    whole = trading_calendar("XNYS", today=TODAY)
    closed = trading_calendar("XNYS", today=TODAY, closures=[date(2026, 11, 24), date(2026, 11, 22)])

    assert not closed.is_session(date(2026, 11, 24))
    assert closed.previous(date(2026, 11, 25)).day == date(2026, 11, 23)
    assert closed.next(date(2026, 11, 23)).day == date(2026, 11, 25)
    assert closed.current(utc(2026, 11, 24, 15)).day == date(2026, 11, 25)
    assert len(whole.sessions) == len(closed.sessions) + 1
    with pytest.raises(InvalidData, match="nearest sessions are 2026-11-23 and 2026-11-25"):
        closed.session(date(2026, 11, 24))
