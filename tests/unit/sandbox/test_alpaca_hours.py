"""When the emulator of Alpaca is open, when its orders fill and end, and which auctions it refuses by the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from include.sandbox.alpaca.errors import Refused
from include.sandbox.alpaca.form import Form, read_form
from include.sandbox.alpaca.hours import Hours, calendar_body, clock_body
from include.sandbox.prices import Prices

HOURS = Hours(Prices())
# 2026-11-27 closes at 13:00, the day before is a holiday.
THURSDAY, EARLY, MONDAY = "2026-11-26", "2026-11-27", "2026-11-30"


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}:00-05:00")


def form(time_in_force: str) -> Form:
    body = {"symbol": "AAPL", "side": "buy", "qty": "1", "type": "market"}
    return read_form({**body, "time_in_force": time_in_force})


@pytest.mark.parametrize(
    ("now", "is_open", "next_open", "next_close"),
    [
        (at(EARLY, "09:29"), False, at(EARLY, "09:30"), at(EARLY, "13:00")),
        (at(EARLY, "09:30"), True, at(MONDAY, "09:30"), at(EARLY, "13:00")),
        (at(EARLY, "12:59"), True, at(MONDAY, "09:30"), at(EARLY, "13:00")),
        (at(EARLY, "13:00"), False, at(MONDAY, "09:30"), at(MONDAY, "16:00")),
        (at(THURSDAY, "12:00"), False, at(EARLY, "09:30"), at(EARLY, "13:00")),
    ],
)
def test_the_clock_knows_holidays_and_early_closes(
    now: datetime, is_open: bool, next_open: datetime, next_close: datetime
) -> None:
    body = clock_body(HOURS, now, always_open=False)

    assert body["is_open"] is is_open
    assert [body["next_open"], body["next_close"]] == [next_open.isoformat(), next_close.isoformat()]
    assert clock_body(HOURS, now, always_open=True)["is_open"] is True


def test_the_calendar_has_sessions_only_and_the_day_they_settle() -> None:
    days = calendar_body(HOURS.between(date(2026, 11, 25), date(2026, 11, 28)))

    assert [(day["date"], day["close"], day["settlement_date"]) for day in days] == [
        ("2026-11-25", "16:00", EARLY),
        (EARLY, "13:00", MONDAY),
    ]


@pytest.mark.parametrize(
    ("clock", "fill_from", "expires_at"),
    [("12:00", None, at(EARLY, "13:00")), ("14:00", at(MONDAY, "09:30"), at(MONDAY, "16:00"))],
)
def test_a_day_order_ends_at_the_close_of_the_session_it_is_for(
    clock: str, fill_from: datetime | None, expires_at: datetime
) -> None:
    schedule = HOURS.schedule(form("day"), True, at(EARLY, clock), always_open=False)

    assert (schedule.fill_from, schedule.ends, schedule.expires_at) == (fill_from, (expires_at, "expired"), expires_at)


def test_nothing_expires_where_the_market_is_always_open() -> None:
    schedule = HOURS.schedule(form("day"), True, at(EARLY, "23:00"), always_open=True)

    assert (schedule.fill_from, schedule.ends) == (None, None)


@pytest.mark.parametrize(
    ("kind", "clock", "auction"),
    [
        ("opg", "09:27", at(EARLY, "09:30")),
        ("opg", "09:28", None),
        ("opg", "18:59", None),
        ("opg", "19:00", at(MONDAY, "09:30")),
        ("cls", "12:49", at(EARLY, "13:00")),
        ("cls", "12:50", None),
        ("cls", "18:59", None),
        ("cls", "19:00", at(MONDAY, "16:00")),
    ],
)
def test_an_auction_is_refused_from_its_cut_off_until_seven(kind: str, clock: str, auction: datetime | None) -> None:
    now = at(EARLY, clock)
    if auction is None:
        with pytest.raises(Refused, match="not accepted between"):
            HOURS.schedule(form(kind), True, now, always_open=False)
        return
    schedule = HOURS.schedule(form(kind), True, now, always_open=False)

    assert schedule.fill_from is not None
    assert auction - schedule.fill_from <= timedelta(milliseconds=1)
    assert schedule.ends == (schedule.fill_from, "canceled")


def test_an_order_that_cannot_fill_at_once_ends_at_once_when_it_may_not_wait() -> None:
    now = at(EARLY, "12:00")

    assert HOURS.schedule(form("ioc"), False, now, always_open=False).ends == (now, "canceled")
    assert HOURS.schedule(form("fok"), True, now, always_open=False).ends is None
