"""Which session should have had its run by now, told without Airflow."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from include.trading.exchanges import exchange, session_offset
from include.trading.next_run import due_at
from include.trading.sessions import Session, TradingCalendar


def latest_due(schedule: str, calendar: TradingCalendar, now: datetime) -> tuple[Session, datetime]:
    """Return the newest session whose run was due by now, and when it was due."""
    offset_minutes = session_offset(schedule, calendar.name)
    if offset_minutes is None:
        from croniter import croniter

        local = now.astimezone(ZoneInfo(exchange(calendar.name).timezone))
        fired: datetime = croniter(schedule, local).get_prev(datetime).astimezone(now.tzinfo)
        return calendar.current(fired), fired
    session = calendar.current(now)
    if due_at(session, offset_minutes) > now:
        session = calendar.previous(session.day)
    return session, due_at(session, offset_minutes)
