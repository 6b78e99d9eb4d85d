"""Which session the events of Airflow assets are about, and whether a session's signals are all there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from include.trading.calendar.due import due_at
from include.trading.calendar.exchanges import session_offset
from include.trading.calendar.sessions import Session, TradingCalendar
from include.trading.errors import InvalidData
from include.trading.strategy.schedule_spec import Arrival


@dataclass(frozen=True)
class Event:
    """One event of an asset. extra: what its producer says of the signals: session, url, sha256, rows, source."""

    asset: str
    at: datetime
    extra: Mapping[str, Any]


def session_of(event: Event, calendar: TradingCalendar) -> date:
    """Return the session that the event names, else the one to come when it happened; raises InvalidData."""
    named = event.extra.get("session")
    if named is None:
        return calendar.current(event.at).day
    try:
        return date.fromisoformat(named)
    except (TypeError, ValueError):
        raise InvalidData(
            f"event of the asset {event.asset}: expected `session` in its extra as YYYY-MM-DD, found {named!r}; send "
            "the event again with the day"
        ) from None


class Newest(NamedTuple):
    """The session that a run of several events is for. left_out: what was said of others, and why it does not count."""

    session: date
    left_out: tuple[str, ...] = ()


def newest_session(events: Sequence[Event], calendar: TradingCalendar, now: datetime) -> Newest:
    """Return the session that a run of these events is for. Airflow puts all that wait into one run.

    An event that names no session, or one whose turn has not come, takes no other with it. Where all are such, the
    newest day that is named is returned, for opening the run to refuse; raises InvalidData when none names a day.
    """
    days: list[date] = []
    problems: list[InvalidData] = []
    for event in events:
        try:
            days.append(session_of(event, calendar))
        except InvalidData as error:
            problems.append(error)
    if not days:
        raise problems[0]
    unreadable, current = tuple(map(str, problems)), calendar.current(now).day
    usable = {day for day in days if calendar.first.day <= day <= current and calendar.is_session(day)}
    if not usable:
        return Newest(max(days), unreadable)
    others = (
        f"an event names {day}, which is no session up to the current one, {current}: send it again on a session's turn"
        for day in sorted(set(days) - usable)
    )
    return Newest(max(usable), (*unreadable, *others))


def for_session(events: Iterable[Event], session: date, calendar: TradingCalendar) -> list[Event]:
    """Return the events about a session, oldest first; one that cannot be read is about none."""
    found = []
    for event in events:
        try:
            if session_of(event, calendar) == session:
                found.append(event)
        except InvalidData:
            continue
    return sorted(found, key=lambda event: event.at)


def announcement(events: Sequence[Event]) -> Mapping[str, Any] | None:
    """Return the extra of the event that says where a session's signals are, of events about it, oldest first.

    The newest of each asset counts. One that names a url goes before an asset that only says that something is ready.
    """
    newest = sorted({event.asset: event for event in events}.values(), key=lambda event: event.at)
    naming = [event for event in newest if "url" in event.extra]
    return (naming or newest)[-1].extra if newest else None


def reason_to_wait(
    arrival: Arrival, events: Iterable[Event], session: Session, calendar: TradingCalendar, *, started_at: datetime
) -> str | None:
    """Return why a run that began at a time must leave the session alone, None where it may trade it.

    events: those about the session.
    """
    due, deadline = (_moment(time, session, calendar.name) for time in (arrival.at, arrival.deadline))
    if due is not None and started_at < due:
        return f"the run of session {session.day} is due at {due:%Y-%m-%d %H:%M} UTC"
    if deadline is not None and started_at > deadline:
        return (
            f"the deadline of session {session.day} was {deadline:%Y-%m-%d %H:%M} UTC; trigger it to trade all the same"
        )
    if missing := sorted(set(arrival.assets) - {event.asset for event in events}):
        until = "" if deadline is None else f", by {deadline:%Y-%m-%d %H:%M} UTC"
        return f"the signals of session {session.day} are not there: waiting for {', '.join(missing)}{until}"
    return None


def _moment(time: str | None, session: Session, calendar: str) -> datetime | None:
    minutes = None if time is None else session_offset(time, calendar)
    return None if minutes is None else due_at(session, minutes, calendar)
