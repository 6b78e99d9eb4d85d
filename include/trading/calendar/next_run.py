"""When a strategy runs next, computed without Airflow; the DAG's own timetable decides."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from include.trading.calendar.due import due_at, moved
from include.trading.calendar.exchanges import exchange, session_offset
from include.trading.calendar.sessions import TradingCalendar


def next_run(schedule: str | None, calendar: TradingCalendar, now: datetime) -> datetime | None:
    """Return the first moment after now at which a strategy of this schedule runs, None when only by hand."""
    if schedule is None:
        return None
    offset_minutes = session_offset(schedule, calendar.name)
    if offset_minutes is None:
        return _next_cron(schedule, calendar, now)
    session = calendar.current(now)
    due = due_at(session, offset_minutes, calendar.name)
    return due if due > now else due_at(calendar.next(session.day), offset_minutes, calendar.name)


def _next_cron(expression: str, calendar: TradingCalendar, now: datetime) -> datetime:
    from croniter import croniter

    firings = croniter(expression, now.astimezone(ZoneInfo(exchange(calendar.name).timezone)))
    while True:
        found: datetime = firings.get_next(datetime)
        if (moment := moved(found.astimezone(now.tzinfo), calendar, expression)) > now:
            return moment
