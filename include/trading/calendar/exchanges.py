"""The exchanges a strategy may name, and the schedules it may ask for; needs no calendar, so a DAG file can check both.

Time zone, opening time and regular length are needed while a DAG file is parsed, when loading the calendars' library
(pandas, about two seconds) is out of the question. A test holds this table against the library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from include.trading.errors import InvalidData


@dataclass(frozen=True)
class Exchange:
    """What is known of an exchange without its calendar. opens: local time.  minutes: a regular session's length."""

    timezone: str
    opens: time
    minutes: int


EXCHANGES = {
    "XNYS": Exchange("America/New_York", time(9, 30), 390),
    "XNAS": Exchange("America/New_York", time(9, 30), 390),
    "XTSE": Exchange("America/Toronto", time(9, 30), 390),
    "XMEX": Exchange("America/Mexico_City", time(8, 30), 390),
    "BVMF": Exchange("America/Sao_Paulo", time(10, 0), 480),
    "XLON": Exchange("Europe/London", time(8, 0), 510),
    "XETR": Exchange("Europe/Berlin", time(9, 0), 510),
    "XPAR": Exchange("Europe/Paris", time(9, 0), 510),
    "XAMS": Exchange("Europe/Amsterdam", time(9, 0), 510),
    "XSWX": Exchange("Europe/Zurich", time(9, 0), 510),
    "XSTO": Exchange("Europe/Stockholm", time(9, 0), 510),
    "XTKS": Exchange("Asia/Tokyo", time(9, 0), 390),
    "XASX": Exchange("Australia/Sydney", time(10, 0), 360),
    "24/7": Exchange("UTC", time(0, 0), 1440),
}

# Nothing is sent so shortly before a session's close.
CLOSE_MARGIN_MINUTES = 5

_SESSION = re.compile(r"session(?:\+(\d{1,4}))?")


def exchange(calendar: str) -> Exchange:
    """Return what is known of a calendar's exchange; raises InvalidData for a name that is not in the table."""
    try:
        return EXCHANGES[calendar]
    except KeyError:
        raise InvalidData(f"calendar: expected one of {', '.join(EXCHANGES)}; got {calendar!r}") from None


def latest_offset(calendar: str) -> int:
    """Return the most minutes after the open at which a run of a regular session still has time to send."""
    return exchange(calendar).minutes - CLOSE_MARGIN_MINUTES - 1


def checked_offset(offset_minutes: int, calendar: str) -> int:
    """Return the minutes after the open; raises InvalidData when nothing may be sent any more by then.

    A run before the open could only plan: for that, write a cron schedule.
    """
    latest = latest_offset(calendar)
    if not 0 <= offset_minutes <= latest:
        raise InvalidData(
            f"schedule: expected 0 to {latest} minutes after the open, as a regular session of {calendar} closes "
            f"{exchange(calendar).minutes} minutes after it and nothing is sent in its last {CLOSE_MARGIN_MINUTES}; "
            f"got {offset_minutes}"
        )
    return offset_minutes


def session_offset(schedule: str, calendar: str) -> int | None:
    """Return the minutes after the open that a schedule asks for, or None when it is a cron expression.

    schedule: `session`, `session+15` (minutes) or five cron fields, read in the exchange's time zone.
    Raises InvalidData for anything else, and for a cron expression that names no date there is (31 February).
    """
    if match := _SESSION.fullmatch(schedule):
        return checked_offset(int(match[1] or 0), calendar)
    exchange(calendar)
    _check_cron(schedule)
    return None


def latest_time(calendar: str) -> time:
    """Return the local time of `latest_offset`."""
    opens = exchange(calendar).opens
    return time(*divmod(opens.hour * 60 + opens.minute + latest_offset(calendar), 60))


def is_always_too_late(expression: str, calendar: str) -> bool:
    """Say whether a cron expression fires in regular hours, and then only when nothing may be sent any more.

    One that fires in none is not: its runs only plan.
    """
    from croniter import croniter

    opens, length = exchange(calendar).opens, exchange(calendar).minutes
    minutes, hours = croniter.expand(expression)[0][:2]
    offsets = [
        (hour - opens.hour) * 60 + minute - opens.minute
        for hour in (range(24) if hours == ["*"] else hours)
        for minute in (range(60) if minutes == ["*"] else minutes)
    ]
    within = [offset for offset in offsets if 0 <= offset < length]
    return bool(within) and min(within) > latest_offset(calendar)


def _check_cron(expression: str) -> None:
    from croniter import CroniterError, croniter

    wanted = 'expected "session", "session+MINUTES" or five cron fields such as "30 9 * * 1-5"'
    if len(expression.split()) != 5:
        raise InvalidData(f"schedule: {wanted}; got {expression!r}")
    try:
        # Any start shows whether a date matches at all; croniter gives up after fifty years.
        croniter(expression, datetime(2024, 1, 1)).get_next()  # noqa: DTZ001 - a wall clock, as cron is
    except CroniterError as error:
        raise InvalidData(f"schedule: {wanted}; got {expression!r} ({error})") from error
