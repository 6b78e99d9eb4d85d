"""When a strategy runs next, told without Airflow; the DAG's own timetable decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from include.trading.exchanges import exchange, session_offset
from include.trading.sessions import Session, TradingCalendar


def next_run(schedule: str | None, calendar: TradingCalendar, now: datetime) -> datetime | None:
    """Return the first moment after now at which a strategy of this schedule runs, None when only by hand."""
    if schedule is None:
        return None
    offset_minutes = session_offset(schedule, calendar.name)
    if offset_minutes is None:
        return _next_cron(schedule, calendar, now)
    session = calendar.current(now)
    due = due_at(session, offset_minutes)
    return due if due > now else due_at(calendar.next(session.day), offset_minutes)


def due_at(session: Session, offset_minutes: int) -> datetime:
    """Return when a session's run is due."""
    # A session that closes before its offset has passed runs at its open.
    due = session.open + timedelta(minutes=offset_minutes)
    return due if due < session.close else session.open


def _next_cron(expression: str, calendar: TradingCalendar, now: datetime) -> datetime:
    from croniter import croniter

    local = now.astimezone(ZoneInfo(exchange(calendar.name).timezone))
    found: datetime = croniter(expression, local).get_next(datetime)
    return found.astimezone(now.tzinfo)
