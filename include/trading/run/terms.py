"""What a run is about: its session, its data's day, its mode and when it may send. Settled once, at its first write."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from include.trading.calendar.sessions import TradingCalendar, sending_window
from include.trading.errors import InvalidData
from include.trading.models import Mode, Value
from include.trading.order.identity import SENDING_MODES
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy

RunType = Literal["scheduled", "manual", "backfill", "asset_triggered", "asset_materialization", "operator_triggered"]

SANDBOX_SEND = timedelta(minutes=10)
SANDBOX_CUTOFF = timedelta(minutes=1)
CUTOFF_AFTER_CLOSE = timedelta(minutes=15)


class RunTerms(Value):
    """Orders may be sent from `window_opens` until before `send_until`; tracking ends at `cutoff_at`."""

    session: date
    as_of_date: date
    mode: Mode
    mode_reason: str | None
    window_opens: datetime
    send_until: datetime
    cutoff_at: datetime


def session_of_run(
    request: RunRequest,
    calendar: TradingCalendar,
    *,
    run_type: RunType,
    logical_date: datetime | None,
    started_at: datetime,
) -> date:
    """Return the session a run trades, as the run itself says it; the present time has no say.

    started_at: when the run was scheduled for, or triggered.
    Raises InvalidData for a day without trading and for parameters that contradict each other.
    """
    if run_type in ("scheduled", "backfill") and logical_date is not None:
        # The timetable's contract; a cron run on a holiday or after the close is about the session to come.
        day = calendar.current(logical_date).day
        if request.session_date not in (None, day):
            raise InvalidData(
                f"session_date: this {run_type} run is for the session {day}; got {request.session_date}. "
                "Start a manual run for another session"
            )
        return day
    if request.session_date is not None:
        return calendar.session(request.session_date).day
    if request.as_of_date is not None:
        return calendar.next(calendar.session(request.as_of_date).day).day
    return calendar.current(started_at).day


def settle_terms(
    strategy: Strategy,
    request: RunRequest,
    calendar: TradingCalendar,
    *,
    run_type: RunType,
    logical_date: datetime | None,
    started_at: datetime,
    now: datetime,
) -> RunTerms:
    """Settle a run's terms. `strategy` is narrowed by the request already. Source: architecture, sections 3 and 7."""
    day = session_of_run(request, calendar, run_type=run_type, logical_date=logical_date, started_at=started_at)
    session, before = calendar.session(day), calendar.previous(day)
    if now < before.close:
        raise InvalidData(
            f"session {day} is in the future: expected at latest the current one, {calendar.current(now).day}; "
            f"it can be planned from {before.close:%Y-%m-%d %H:%M} UTC on"
        )
    as_of_date = before.day
    if request.as_of_date is not None:
        as_of_date = calendar.session(request.as_of_date).day
        if as_of_date >= day:
            raise InvalidData(
                f"as_of_date: expected a session before the traded one, {day} (at most {before.day}); got {as_of_date}"
            )
    if strategy.market_hours:
        window = sending_window(session, started_at, send_minutes=strategy.orders.send_minutes)
        opens, until = window.opens_at, window.send_until
        cutoff = session.close + CUTOFF_AFTER_CLOSE
    else:
        opens, until = started_at, started_at + SANDBOX_SEND
        cutoff = until + SANDBOX_CUTOFF

    mode, reason = strategy.mode, None
    if run_type == "backfill":
        mode, reason = "replay", "a backfill never trades"
    elif now >= session.close:
        mode, reason = "replay", f"the session {day} ended at {session.close:%Y-%m-%d %H:%M} UTC"
    elif mode in SENDING_MODES and not opens <= now < until:
        mode = "plan"
        if now < opens:
            reason = f"before the open at {opens:%Y-%m-%d %H:%M} UTC"
        else:
            reason = f"after the sending window, which ended at {until:%Y-%m-%d %H:%M} UTC"
    return RunTerms(
        session=day,
        as_of_date=as_of_date,
        mode=mode,
        mode_reason=reason,
        window_opens=opens,
        send_until=until,
        cutoff_at=cutoff,
    )
