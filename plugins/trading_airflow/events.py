"""The events of a strategy's assets, as a task sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from include.trading.run.arrivals import Event, for_session, newest_session, reason_to_wait
from include.trading.strategy.schedule_spec import Arrival

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.trading.calendar.sessions import TradingCalendar


# An event may name a session that is still some days away.
ANNOUNCED_BEFORE = timedelta(days=10)


@dataclass(frozen=True)
class Arrived:
    """What a run knows of its signals' arrival.

    session: the one that the events are about, None where they did not start the run.
    extra: of the newest event about the run's session, None without one.
    wait: why the run must leave the session alone.
    """

    session: date | None = None
    extra: dict[str, Any] | None = None
    wait: str | None = None


def arrived(context: Context, arrival: Arrival, calendar: TradingCalendar, now: datetime) -> Arrived:
    """Return what the events say to this run; a session that has ended is replayed, whatever has arrived.

    Raises InvalidData for an event that started the run and does not say which session it is about.
    """
    dag_run = context["dag_run"]
    run_type = str(getattr(dag_run.run_type, "value", dag_run.run_type))
    started = [_event(found) for found in dag_run.consumed_asset_events] if run_type == "asset_triggered" else []
    if started:
        day = newest_session(started, calendar)
    elif run_type == "scheduled" and dag_run.logical_date is not None:
        day = calendar.current(dag_run.logical_date).day
    else:
        return Arrived()
    if not calendar.is_session(day):
        # Opening the run says which days there are.
        return Arrived(session=day)
    session = calendar.session(day)
    events = for_session([*started, *_events_since(context, arrival, session.open - ANNOUNCED_BEFORE)], day, calendar)
    ended = now >= session.close
    return Arrived(
        session=day if started else None,
        extra=dict(events[-1].extra) if events else None,
        wait=None if ended else reason_to_wait(arrival, events, session, calendar, started_at=dag_run.run_after),
    )


def _events_since(context: Context, arrival: Arrival, since: datetime) -> list[Event]:
    from airflow.sdk import Asset

    inlets = context["inlet_events"]
    return [_event(found) for name in arrival.assets for found in inlets[Asset(name)].after(since.isoformat())]


def _event(found: Any) -> Event:
    """Return Airflow's event as ours: one that started the run and one that was asked for have these in common."""
    return Event(asset=found.asset.name, at=found.timestamp, extra=found.extra or {})
