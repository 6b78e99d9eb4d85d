"""Whether rows are of the day that is asked for. A file of another day is the most expensive mistake there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.trading.ports import SignalRequest
from include.trading.signals.rows import Row, Rows
from include.trading.strategy.signals_dated import ByColumn, ByEvent, ByName, ModifiedWithin, Standing
from include.trading.strategy.signals_table import TableSignals

# Seconds that the clock of a store may be ahead.
MOST_AHEAD = 300


def day_wanted(spec: TableSignals, ask: SignalRequest) -> date:
    """Return what a date in the answer must be."""
    return ask.session if spec.dates_are == "session" else ask.as_of_date


def of_the_day(rows: Rows, spec: TableSignals, ask: SignalRequest) -> tuple[Row, ...]:
    """Return the rows of the day; raises ValueError, naming both days, for any other.

    A wide table is a history: the line of the day is taken. Rows of a later day are refused in every table.
    """
    wanted = day_wanted(spec, ask)
    what = f"the {'session' if spec.dates_are == 'session' else 'as_of_date'} {wanted}"
    days = {row.day for row in rows.rows if row.day is not None}
    if later := sorted(day for day in days if day > wanted):
        raise ValueError(f"expected rows of {what}, found rows of {later[0]}, which is later")
    if not days:
        if isinstance(spec.dated, ByColumn):
            raise ValueError(
                f"expected a column date | as_of with {what}, found none; where no row has a date, `dated` in the "
                "strategies file says what names the day"
            )
        return rows.rows
    exact = not isinstance(spec.dated, Standing | ModifiedWithin)
    newest = wanted if exact or wanted in days else max(days)
    if rows.wide and newest in days:
        return tuple(row for row in rows.rows if row.day == newest)
    if other := sorted(days - {newest}):
        raise ValueError(f"expected rows of {what if exact else newest}, found rows of {other[0]}")
    return rows.rows


def check_event(spec: TableSignals, ask: SignalRequest) -> None:
    """Raise ValueError unless the event that started the run is about this session, where it says the day."""
    if not isinstance(spec.dated, ByEvent):
        return
    if ask.event is None:
        raise ValueError("expected an asset event of this session, found none: send one, it starts a run")
    named = {name: _text(ask.event, name) for name in ("session", "as_of_date") if ask.event.get(name) is not None}
    if not named:
        raise ValueError("expected `session` or `as_of_date` in the event's extra, found neither")
    for name, found in named.items():
        wanted = getattr(ask, name).isoformat()
        if found != wanted:
            raise ValueError(f"expected an event of the {name} {wanted}, found {found}")


def check_age(spec: TableSignals, ask: SignalRequest, modified_at: datetime | None, now: datetime) -> Decimal | None:
    """Return how old the file is, in seconds; raises ValueError for one that is too old to be of the day."""
    age = None if modified_at is None else Decimal(str(round((now - modified_at).total_seconds(), 3)))
    if not isinstance(spec.dated, ModifiedWithin):
        return age
    if ask.replay:
        raise ValueError(
            "expected signals that have their day, found `dated: modified_within_hours`: when a file was written says "
            "nothing of a day that is replayed"
        )
    if modified_at is None or age is None:
        raise ValueError("expected a time at which the file was written, found none: its store does not tell it")
    if age < -MOST_AHEAD:
        raise ValueError(
            f"expected a file written before now, found one of {modified_at:%Y-%m-%d %H:%M} UTC: a clock is wrong"
        )
    if age > spec.dated.hours * 3600:
        raise ValueError(
            f"expected a file written within {spec.dated.hours:f} hours, found one {age / 3600:.1f} hours old, of "
            f"{modified_at:%Y-%m-%d %H:%M} UTC"
        )
    return age


def dated_by(spec: TableSignals, modified_at: datetime | None) -> str:
    """Return what says that the answer is of the day, for a person."""
    match spec.dated:
        case ByColumn():
            return "its own date"
        case ByName():
            return "what was asked for"
        case ByEvent():
            return "the asset event"
        case ModifiedWithin():
            return f"the time it was written at, {modified_at:%Y-%m-%d %H:%M} UTC" if modified_at else "its time"
        case _:
            return "nothing: it stands until it is changed"


def _text(event: Mapping[str, Any], name: str) -> str:
    return str(event[name])[:40]
