"""Sessions of an exchange: which days trade, when they open and close, and when orders of a run may be sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from include.trading.calendar.exchanges import CLOSE_MARGIN_MINUTES, exchange
from include.trading.errors import InvalidData

if TYPE_CHECKING:
    from include.trading.strategy.spec import Strategy

FIRST_DAY = date(2005, 1, 3)


@dataclass(frozen=True)
class Session:
    """One trading day. `day` is the exchange's date; open and close are UTC, close is the first moment after it."""

    day: date
    open: datetime
    close: datetime


class SendingWindow(NamedTuple):
    """When orders may be sent: from `opens_at` until just before `send_until`; empty when that is not later."""

    opens_at: datetime
    send_until: datetime

    def allows(self, now: datetime) -> bool:
        return self.opens_at <= now < self.send_until


def sending_window(
    session: Session, started_at: datetime, *, send_minutes: int = 45, close_margin_minutes: int = CLOSE_MARGIN_MINUTES
) -> SendingWindow:
    """Return when orders of a run may be sent.

    started_at: when the run was scheduled for, or was triggered by hand.  Source: architecture, `send_until`.
    """
    latest = session.close - timedelta(minutes=close_margin_minutes)
    return SendingWindow(session.open, min(started_at + timedelta(minutes=send_minutes), latest))


@dataclass(frozen=True)
class TradingCalendar:
    """The sessions of one exchange, oldest first. What lies outside them is an error, never a guess."""

    name: str
    timezone: str
    sessions: tuple[Session, ...] = field(repr=False)
    _days: tuple[date, ...] = field(init=False, repr=False, compare=False)
    _closes: tuple[datetime, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_days", tuple(session.day for session in self.sessions))
        object.__setattr__(self, "_closes", tuple(session.close for session in self.sessions))

    @property
    def first(self) -> Session:
        return self.sessions[0]

    @property
    def last(self) -> Session:
        return self.sessions[-1]

    def is_session(self, day: date) -> bool:
        index = self._index(day)
        return self._days[index] == day

    def session(self, day: date) -> Session:
        """Return the session of a day; raises InvalidData naming the nearest ones when the exchange is closed."""
        index = self._index(day)
        if self._days[index] != day:
            raise InvalidData(
                f"session: expected a trading day of {self.name}; got {day:%A} {day}. "
                f"The nearest sessions are {self._days[index - 1]} and {self._days[index]}"
            )
        return self.sessions[index]

    def previous(self, day: date) -> Session:
        """Return the last session before a day; the day itself need not trade."""
        index = self._index(day)
        if index == 0:
            raise self._outside(f"a session before {day}")
        return self.sessions[index - 1]

    def next(self, day: date) -> Session:
        """Return the first session after a day; the day itself need not trade."""
        index = self._index(day)
        if self._days[index] == day:
            index += 1
        if index == len(self.sessions):
            raise self._outside(f"a session after {day}")
        return self.sessions[index]

    def ending(self, day: date, count: int) -> tuple[date, ...]:
        """Return the newest sessions up to a day that is one; fewer where the calendar has no more."""
        end = self._index(self.session(day).day) + 1
        return self._days[max(end - count, 0) : end]

    def current(self, now: datetime) -> Session:
        """Return the session whose turn it is: from the previous session's close until just before its own close."""
        index = bisect_right(self._closes, now)
        if now < self.first.open or index == len(self.sessions):
            raise self._outside(f"{now:%Y-%m-%d %H:%M %Z}")
        return self.sessions[index]

    def between(self, first: date, last: date) -> tuple[date, ...]:
        """Return the trading days from first to last, both included."""
        if first > last:
            raise InvalidData(f"sessions: expected the first day to be no later than the last; got {first} to {last}")
        start, end = self._index(first), self._index(last)
        return self._days[start : end + 1 if self._days[end] == last else end]

    def _index(self, day: date) -> int:
        """Return where the first session on or after a day is."""
        if not self.first.day <= day <= self.last.day:
            raise self._outside(str(day))
        return bisect_left(self._days, day)

    def _outside(self, wanted: str) -> InvalidData:
        return InvalidData(
            f"calendar {self.name}: sessions from {self.first.day} to {self.last.day} are known; got {wanted}"
        )


def trading_calendar(name: str, *, today: date, closures: Iterable[date] = ()) -> TradingCalendar:
    """Return an exchange's calendar, known until the end of the year after `today`'s.

    closures: days that are no sessions although the library says so, such as a day of mourning.
    Two years are thereby known on 1 January and one on 31 December, and a process that lives for years gets a longer
    calendar with each new year. Holidays that an exchange announces later come with an upgrade of the library.
    """
    exchange(name)
    last_day, closed = date(today.year + 1, 12, 31), frozenset(closures)
    return _with_closures(name, last_day, closed) if closed else _calendar(name, last_day)


def calendar_of(strategy: Strategy, now: datetime) -> TradingCalendar:
    """Return the calendar that a strategy trades by, without the closures it names."""
    return trading_calendar(strategy.calendar, today=now.date(), closures=strategy.closures)


@lru_cache(maxsize=32)
def _with_closures(name: str, last_day: date, closures: frozenset[date]) -> TradingCalendar:
    whole = _calendar(name, last_day)
    return replace(whole, sessions=tuple(session for session in whole.sessions if session.day not in closures))


@lru_cache(maxsize=32)
def _calendar(name: str, last_day: date) -> TradingCalendar:
    # Imported here because it loads pandas: two seconds that only a caller who needs a calendar should pay.
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=FIRST_DAY.isoformat(), end=last_day.isoformat())
    sessions = zip(calendar.sessions.date, calendar.opens_nanos.tolist(), calendar.closes_nanos.tolist(), strict=True)
    return TradingCalendar(
        name=name,
        timezone=exchange(name).timezone,
        sessions=tuple(Session(day, _moment(opens), _moment(closes)) for day, opens, closes in sessions),
    )


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC)
