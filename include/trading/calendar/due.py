"""When a session's run is due, computed without Airflow; the DAG's own timetable asks here too.

Sessions are counted, not firings: each session has at most one moment at which its run is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from include.trading.calendar.exchanges import CLOSE_MARGIN_MINUTES, exchange, session_offset
from include.trading.calendar.sessions import Session, TradingCalendar

# What a run needs on a day that closes early; one with less time left takes place at the open.
LEAST_ROOM = timedelta(minutes=15)
# A schedule that was due for none of so many sessions never is.
_MOST_SESSIONS = 400


def latest_due(schedule: str, calendar: TradingCalendar, now: datetime) -> tuple[Session, datetime] | None:
    """Return the newest session whose run was due by now, and when it was due; None when no session's ever is."""
    offset_minutes = session_offset(schedule, calendar.name)
    session = calendar.current(now)
    for _ in range(_MOST_SESSIONS):
        if offset_minutes is None:
            due = cron_due(schedule, calendar, session)
        else:
            due = due_at(session, offset_minutes, calendar.name)
        if due is not None and due <= now:
            return session, due
        if session == calendar.first:
            break
        session = calendar.previous(session.day)
    return None


def due_at(session: Session, offset_minutes: int, calendar: str) -> datetime:
    """Return when the run of a session is due that is to take place some minutes after its open.

    On a day that closes too early for that it is the open: every session has one.
    """
    due = session.open + timedelta(minutes=offset_minutes)
    return session.open if _too_late(due, session, calendar) else due


def cron_due(expression: str, calendar: TradingCalendar, session: Session) -> datetime | None:
    """Return when a session's run is due by a cron expression; None when the expression leaves the session out.

    The first firing in the session's regular hours, moved to the open on a day that closes too early for it; without
    one, the last firing before the open that is no other day's: such a run only plans.
    """
    zone = ZoneInfo(calendar.timezone)
    regular_close = session.open + timedelta(minutes=exchange(calendar.name).minutes)
    for firing in _firings(expression, zone, session.open):
        if firing < max(regular_close, session.close):
            return moved(firing, calendar, expression)
        break
    begins = calendar.first.open if session == calendar.first else calendar.previous(session.day).close
    for firing in _firings(expression, zone, session.open, backwards=True):
        if firing < begins:
            break
        # In the hours of a day without a session: meant for that day, had there been one.
        if not _in_regular_hours(firing, zone, calendar.name):
            return firing
    return None


def moved(firing: datetime, calendar: TradingCalendar, expression: str) -> datetime:
    """Return when the run of a cron expression's firing takes place.

    On a day that closes too early for the first firing of its hours, the run takes place at the open.
    """
    zone = ZoneInfo(calendar.timezone)
    day = firing.astimezone(zone).date()
    if not calendar.first.day <= day <= calendar.last.day or not calendar.is_session(day):
        return firing
    session = calendar.session(day)
    regular_close = session.open + timedelta(minutes=exchange(calendar.name).minutes)
    if not session.open <= firing < regular_close or not _too_late(firing, session, calendar.name):
        return firing
    return session.open if firing == next(_firings(expression, zone, session.open)) else firing


def _too_late(moment: datetime, session: Session, calendar: str) -> bool:
    """Say whether the session closes early, and leaves a run of this moment too little time to send."""
    closes_early = session.close < session.open + timedelta(minutes=exchange(calendar).minutes)
    return closes_early and moment + LEAST_ROOM > session.close - timedelta(minutes=CLOSE_MARGIN_MINUTES)


def _in_regular_hours(moment: datetime, zone: ZoneInfo, calendar: str) -> bool:
    local, place = moment.astimezone(zone), exchange(calendar)
    minutes = (local.hour - place.opens.hour) * 60 + local.minute - place.opens.minute
    return 0 <= minutes < place.minutes


def _firings(expression: str, zone: ZoneInfo, start: datetime, *, backwards: bool = False) -> Iterator[datetime]:
    """Yield the firings from a moment on, that moment included; backwards: those before it, the latest first."""
    from croniter import croniter

    iterator = croniter(expression, start.astimezone(zone) - (timedelta(0) if backwards else timedelta(seconds=1)))
    while True:
        found: datetime = iterator.get_prev(datetime) if backwards else iterator.get_next(datetime)
        yield found.astimezone(start.tzinfo)
