"""When a strategy's DAG runs: once a session of its exchange, by a cron in its time zone, or at events of assets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk.timezone import coerce_datetime, utcnow
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable
from airflow.timetables.trigger import CronTriggerTimetable

from include.trading.calendar.due import due_at, moved
from include.trading.calendar.exchanges import checked_offset, exchange, session_offset
from include.trading.calendar.sessions import Session, TradingCalendar, trading_calendar
from include.trading.strategy.schedule_spec import Arrival, Schedule

if TYPE_CHECKING:
    from airflow.sdk import Asset, AssetAny
    from airflow.timetables.base import TimeRestriction
    from pendulum import DateTime

log = structlog.get_logger(__name__)


def schedule_for(schedule: Schedule, calendar: str, closures: Sequence[date] = ()) -> Any:
    """Return what a DAG takes as the schedule of a strategy; None, for runs by hand only, stays None.

    Any event of any of a strategy's assets starts a run: which of them are there for a session is for the run to say,
    because Airflow counts events without asking which session they are about.

    schedule: `session`, `session+15` (minutes after the open), five cron fields in the exchange's time zone, or assets.
    closures: days that are no sessions although the calendar says so.
    Raises InvalidData for any other, and for an unknown calendar.
    """
    if not isinstance(schedule, Arrival):
        return _timetable_for(schedule, calendar, closures)
    from airflow.sdk import AssetAny

    any_event = AssetAny(*assets_named(schedule.assets))
    by_the_clock = _timetable_for(schedule.at, calendar, closures)
    return any_event if by_the_clock is None else _either(by_the_clock, any_event)


def _either(timetable: Any, assets: AssetAny) -> Any:
    # Any: Airflow's core and its SDK declare timetables apart, and take each other's.
    from airflow.sdk import AssetOrTimeSchedule

    return AssetOrTimeSchedule(timetable=timetable, assets=assets)


def assets_named(names: Sequence[str]) -> list[Asset]:
    """Return Airflow's assets of these names; a producer writes `Asset("name")`."""
    if not names:
        return []
    from airflow.sdk import Asset

    return [Asset(name) for name in names]


def _timetable_for(schedule: str | None, calendar: str, closures: Sequence[date]) -> Timetable | None:
    if schedule is None:
        return None
    offset_minutes = session_offset(schedule, calendar)
    if offset_minutes is None:
        return ExchangeCronTimetable(schedule, calendar, closures)
    return ExchangeSessionTimetable(calendar, offset_minutes, closures)


class ExchangeSessionTimetable(Timetable):
    """One run per session, at the open or some minutes after it.

    The logical date is the run's moment and its data interval is that moment alone, as with Airflow's cron triggers:
    `TradingCalendar.current` of it is the run's session, and a backfill reaches every session that has opened.
    When a session closes too early for its offset, the run takes place at the open: one run per session is the
    promise, and the open is the moment that every session has.
    """

    def __init__(self, calendar: str = "XNYS", offset_minutes: int = 0, closures: Sequence[date] = ()) -> None:
        """Raises InvalidData when the calendar is unknown or nothing may be sent any more after the offset."""
        self._calendar_name = calendar
        self._closures = tuple(closures)
        self._offset_minutes = checked_offset(offset_minutes, calendar)
        place = exchange(calendar)
        hour, minute = divmod(place.opens.hour * 60 + place.opens.minute + offset_minutes, 60)
        self.description = (
            f"Every session of {calendar}, {self._when} ({hour:02}:{minute:02} {place.timezone} on a regular day)"
        )

    @property
    def summary(self) -> str:
        return f"{self._calendar_name} sessions, {self._when}"

    @property
    def _when(self) -> str:
        return f"{self._offset_minutes} min after the open" if self._offset_minutes else "at the open"

    def serialize(self) -> dict[str, Any]:
        return {"calendar": self._calendar_name, "offset_minutes": self._offset_minutes, **_written(self._closures)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ExchangeSessionTimetable:
        return cls(data["calendar"], data["offset_minutes"], _read(data))

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        return DataInterval.exact(run_after)

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the last one.

        Without catchup the latest session whose run is due is made up for, and none before it; its run then says why
        nothing was sent. A DAG without start date begins with the next session; earlier ones than the calendar's
        first do not exist.
        """
        try:
            moment = self._next_moment(last_automated_data_interval, restriction)
        except Exception:
            # Airflow turns this into "no next run", or into fewer runs of a backfill: nothing else would show it.
            log.exception("no next run: the timetable failed", timetable=self.summary)
            raise
        if restriction.latest is not None and restriction.latest < moment:
            return None
        return DagRunInfo.exact(coerce_datetime(moment))

    def _next_moment(self, last: DataInterval | None, restriction: TimeRestriction) -> datetime:
        now = utcnow()
        candidates = []
        if last is not None:
            candidates.append(self._first_after(last.end))
        if restriction.earliest is not None:
            candidates.append(self._first_from(restriction.earliest))
        if not candidates:
            candidates.append(self._first_from(now))
        if not restriction.catchup:
            candidates.append(self._latest_at(now))
        return max(candidates)

    def _first_from(self, moment: datetime) -> datetime:
        return self._first_after(moment - timedelta(microseconds=1))

    def _first_after(self, moment: datetime) -> datetime:
        calendar = self._calendar(moment)
        if moment < calendar.first.open:
            return self._moment(calendar.first)
        session = calendar.current(moment)
        due = self._moment(session)
        return due if due > moment else self._moment(calendar.next(session.day))

    def _latest_at(self, moment: datetime) -> datetime:
        calendar = self._calendar(moment)
        session = calendar.current(moment)
        due = self._moment(session)
        return due if due <= moment else self._moment(calendar.previous(session.day))

    def _moment(self, session: Session) -> datetime:
        """Return when the session's run is due."""
        return due_at(session, self._offset_minutes, self._calendar_name)

    def _calendar(self, moment: datetime) -> TradingCalendar:
        return _calendar(self._calendar_name, moment, self._closures)


class ExchangeCloseTimetable(ExchangeSessionTimetable):
    """One run per session, some minutes after its close; the logical date is that moment."""

    def __init__(self, calendar: str = "XNYS", minutes_after_close: int = 0, closures: Sequence[date] = ()) -> None:
        self._after = timedelta(minutes=minutes_after_close)
        super().__init__(calendar, closures=closures)
        self.description = f"Every session of {calendar}, {self._when}"

    @property
    def _when(self) -> str:
        return f"{self._after // timedelta(minutes=1)} min after the close"

    def serialize(self) -> dict[str, Any]:
        minutes = self._after // timedelta(minutes=1)
        return {"calendar": self._calendar_name, "minutes_after_close": minutes, **_written(self._closures)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ExchangeCloseTimetable:
        return cls(data["calendar"], data["minutes_after_close"], _read(data))

    def _first_after(self, moment: datetime) -> datetime:
        calendar = self._calendar(moment)
        if moment < calendar.first.open:
            return self._moment(calendar.first)
        return self._moment(calendar.current(moment - self._after))

    def _latest_at(self, moment: datetime) -> datetime:
        calendar = self._calendar(moment)
        return self._moment(calendar.previous(calendar.current(moment - self._after).day))

    def _moment(self, session: Session) -> datetime:
        return session.close + self._after


class ExchangeCronTimetable(CronTriggerTimetable):
    """Runs by a cron expression in the exchange's time zone; it knows no holidays, and early closes.

    A session that closes too early for its firing has its run at the open instead of a plan for the next session.
    """

    def __init__(self, expression: str, calendar: str, closures: Sequence[date] = ()) -> None:
        super().__init__(expression, timezone=exchange(calendar).timezone)
        self._calendar_name = calendar
        self._closures = tuple(closures)

    def serialize(self) -> dict[str, Any]:
        return {"expression": self._expression, "calendar": self._calendar_name, **_written(self._closures)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ExchangeCronTimetable:
        return cls(data["expression"], data["calendar"], _read(data))

    def _get_next(self, current: DateTime) -> DateTime:
        """Return the first run after a moment."""
        firing = super()._get_next(current)
        while (moment := self._moved(firing)) <= current:
            firing = super()._get_next(firing)
        return moment

    def _get_prev(self, current: DateTime) -> DateTime:
        """Return the last run before a moment; that of a later firing may have been moved to before it."""
        later = self._moved(super()._get_next(current - timedelta(microseconds=1)))
        return later if later < current else self._moved(super()._get_prev(current))

    def _moved(self, firing: DateTime) -> DateTime:
        calendar = _calendar(self._calendar_name, firing, self._closures)
        return coerce_datetime(moved(firing, calendar, self._expression))


def _calendar(name: str, moment: datetime, closures: Sequence[date]) -> TradingCalendar:
    # Not a field: a scheduler outlives the calendar it began with.
    return trading_calendar(name, today=max(moment, utcnow()).date(), closures=closures)


def _written(closures: Sequence[date]) -> dict[str, Any]:
    return {"closures": [day.isoformat() for day in closures]} if closures else {}


def _read(data: dict[str, Any]) -> tuple[date, ...]:
    return tuple(date.fromisoformat(day) for day in data.get("closures", ()))
