"""The events of a strategy's assets, as a task sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from include.trading.run.arrivals import Event, announcement, for_session, newest_session, reason_to_wait
from include.trading.run.terms import session_of_run
from include.trading.strategy.schedule_spec import Arrival

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.execution.steps.open_run import RunIdentity
    from include.trading.calendar.sessions import TradingCalendar
    from include.trading.strategy.request import RunRequest


log = structlog.get_logger(__name__)

# An event may name a session that is still some days away.
ANNOUNCED_BEFORE = timedelta(days=10)


@dataclass(frozen=True)
class Arrived:
    """What a run knows of its signals' arrival.

    session: the one that the events are about, None where they did not start the run.
    extra: of the event that announces the signals of the run's session, None without one.
    wait: why the run must leave the session alone.
    """

    session: date | None = None
    extra: dict[str, Any] | None = None
    wait: str | None = None


def arrived(
    context: Context,
    identity: RunIdentity,
    request: RunRequest,
    arrival: Arrival,
    calendar: TradingCalendar,
    now: datetime,
) -> Arrived:
    """Return what the events say to this run.

    A session that has ended is replayed, whatever has arrived. A run by hand waits for nothing, and reads the signals
    that have been announced. A backfill hears of no event: each can have come long after its session.
    Raises InvalidData when no event that started the run says which session it is about; a run of several leaves out,
    and logs, the ones that do not.
    """
    if identity.run_type == "backfill":
        return Arrived()
    consumed = context["dag_run"].consumed_asset_events if identity.run_type == "asset_triggered" else ()
    started = [_event(found) for found in consumed]
    if started:
        day, left_out = newest_session(started, calendar, now)
        for problem in left_out:
            log.warning("an event of the run is left out", reason=problem)
    else:
        day = session_of_run(
            request,
            calendar,
            run_type=identity.run_type,
            logical_date=identity.logical_date,
            started_at=identity.started_at,
        )
    if not calendar.is_session(day):
        # Opening the run says which days there are.
        return Arrived(session=day)
    session = calendar.session(day)
    events = for_session([*started, *_events_since(context, arrival, session.open - ANNOUNCED_BEFORE)], day, calendar)
    waits = (started or identity.run_type == "scheduled") and now < session.close
    extra = announcement(events)
    return Arrived(
        session=day if started else None,
        extra=None if extra is None else dict(extra),
        wait=reason_to_wait(arrival, events, session, calendar, started_at=identity.started_at) if waits else None,
    )


def _events_since(context: Context, arrival: Arrival, since: datetime) -> list[Event]:
    from airflow.sdk import Asset

    inlets = context["inlet_events"]
    return [_event(found) for name in arrival.assets for found in inlets[Asset(name)].after(since.isoformat())]


def _event(found: Any) -> Event:
    """Return Airflow's event as ours: one that started the run and one that was asked for have these in common."""
    return Event(asset=found.asset.name, at=found.timestamp, extra=found.extra or {})
