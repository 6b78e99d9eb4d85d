"""The market's clock and calendar, and when an order can fill and ends."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from include.sandbox.alpaca.errors import unprocessable
from include.sandbox.alpaca.form import Form
from include.sandbox.prices import Prices, utc

NEW_YORK = ZoneInfo("America/New_York")
OPENING = time(9, 30)
AUCTIONS_AGAIN = time(19)
LAST_FOR_OPENING, LAST_FOR_CLOSING = timedelta(minutes=2), timedelta(minutes=10)
JUST_BEFORE = timedelta(milliseconds=1)  # the price of the session that closes, not of the next
GOOD_TILL = timedelta(days=90)


@dataclass(frozen=True)
class Session:
    day: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True)
class Schedule:
    """fill_from None: at once. ends: when the rest ends, and as what. expires_at: what the order says of it."""

    fill_from: datetime | None
    ends: tuple[datetime, str] | None
    expires_at: datetime


class Hours:
    def __init__(self, prices: Prices) -> None:
        self.prices = prices

    def session(self, row: int) -> Session:
        day = self.prices.sessions[row]
        opens_at = datetime.combine(day, OPENING, NEW_YORK).astimezone(UTC)
        return Session(day, opens_at, utc(self.prices.session_closes[row]))

    def current(self, now: datetime) -> Session:
        """Return the session that is open, or else the next."""
        return self.session(self.prices.current_row(now))

    def following(self, now: datetime) -> Session:
        """Return the next session that opens after now."""
        row = self.prices.current_row(now)
        session = self.session(row)
        return session if now < session.opens_at else self.session(row + 1)

    def is_open(self, now: datetime) -> bool:
        return self.current(now).opens_at <= now

    def between(self, start: date, end: date) -> list[tuple[Session, date]]:
        """Return the sessions from start to end, each with the day on which its trades settle."""
        days = self.prices.sessions
        rows = range(bisect_right(days, start - timedelta(days=1)), min(bisect_right(days, end), len(days) - 1))
        return [(self.session(row), days[row + 1]) for row in rows]

    def schedule(self, form: Form, marketable: bool, now: datetime, always_open: bool) -> Schedule:
        """Say when an order can fill and when it ends; refuses an auction by the clock.

        With always_open no close comes: nothing expires, and an auction is at once.
        """
        session = self.current(now)
        if always_open:
            at_once = form.time_in_force in ("opg", "cls", "ioc", "fok") and not marketable
            return Schedule(None, (now, "canceled") if at_once else None, session.closes_at)
        if form.time_in_force in ("opg", "cls"):
            return self._auction(form.time_in_force, now)
        fill_from = None if self.is_open(now) else session.opens_at
        if form.time_in_force in ("ioc", "fok"):
            ends = None if marketable and fill_from is None else (now, "canceled")
            return Schedule(fill_from, ends, session.closes_at)
        expires_at = session.closes_at if form.time_in_force == "day" else now + GOOD_TILL
        return Schedule(fill_from, (expires_at, "expired"), expires_at)

    def _auction(self, kind: str, now: datetime) -> Schedule:
        local = now.astimezone(NEW_YORK)
        row = bisect_right(self.prices.sessions, local.date()) - 1
        today = self.session(row) if row >= 0 else None
        if today is not None and today.day == local.date() and local.time() < AUCTIONS_AGAIN:
            last = today.opens_at - LAST_FOR_OPENING if kind == "opg" else today.closes_at - LAST_FOR_CLOSING
            if now >= last:
                words = f"{last.astimezone(NEW_YORK):%H:%M} and {AUCTIONS_AGAIN:%H:%M} ET"
                raise unprocessable(f"{kind} orders are not accepted between {words}")
        auction = self.following(now).opens_at if kind == "opg" else self.current(now).closes_at - JUST_BEFORE
        return Schedule(auction, (auction, "canceled"), auction)


def clock_body(hours: Hours, now: datetime, always_open: bool) -> dict[str, object]:
    def local(at: datetime) -> str:
        return at.astimezone(NEW_YORK).isoformat()

    return {
        "timestamp": local(now),
        "is_open": always_open or hours.is_open(now),
        "next_open": local(hours.following(now).opens_at),
        "next_close": local(hours.current(now).closes_at),
    }


def calendar_body(days: list[tuple[Session, date]]) -> list[dict[str, str]]:
    return [
        {
            "date": session.day.isoformat(),
            "open": f"{session.opens_at.astimezone(NEW_YORK):%H:%M}",
            "close": f"{session.closes_at.astimezone(NEW_YORK):%H:%M}",
            "session_open": "0400",
            "session_close": "2000",
            "settlement_date": settles.isoformat(),
        }
        for session, settles in days
    ]
