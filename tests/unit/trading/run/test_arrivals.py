"""Which session the events of assets are about, and what a run does while signals are missing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from include.trading.calendar.sessions import Session, TradingCalendar
from include.trading.errors import InvalidData
from include.trading.run.arrivals import Event, announcement, for_session, newest_session, reason_to_wait, session_of
from include.trading.strategy.schedule_spec import Arrival


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# Thursday 26 is Thanksgiving, and Friday 27 closes early.
DAYS = (20, 23, 24, 25, 27, 30)
CALENDAR = TradingCalendar(
    name="XNYS",
    timezone="America/New_York",
    sessions=tuple(Session(date(2026, 11, day), at(day, 14, 30), at(day, 18 if day == 27 else 21)) for day in DAYS),
)
TUESDAY = CALENDAR.session(date(2026, 11, 24))


def event(when: datetime, asset: str = "scores", **extra: Any) -> Event:
    return Event(asset=asset, at=when, extra=extra)


@pytest.mark.parametrize(
    ("found", "day"),
    [
        (event(at(23, 22)), 24),
        (event(at(24, 15)), 24),
        (event(at(26, 12)), 27),
        (event(at(24, 15), session="2026-11-20"), 20),
        (event(at(24, 15), session=None, rows=3), 24),
    ],
)
def test_an_event_is_about_the_session_it_names_or_the_one_to_come(found: Event, day: int) -> None:
    assert session_of(found, CALENDAR) == date(2026, 11, day)


@pytest.mark.parametrize("named", ["24.11.2026", "", 20261124, ["2026-11-24"], "2026-02-30"])
def test_an_event_that_names_no_date_is_refused_and_hides_no_other(named: Any) -> None:
    wrong, right = event(at(24, 15), session=named), event(at(24, 14))

    with pytest.raises(InvalidData, match="event of the asset scores: expected `session`"):
        newest_session([wrong], CALENDAR, at(24, 15))

    newest = newest_session([right, wrong], CALENDAR, at(24, 15))
    assert newest.session == TUESDAY.day
    assert ["expected `session`" in words for words in newest.left_out] == [True]
    assert for_session([wrong, right], TUESDAY.day, CALENDAR) == [right]


def test_a_run_of_several_events_is_for_the_newest_of_their_sessions() -> None:
    events = [event(at(24, 15)), event(at(20, 15)), event(at(24, 16), session="2026-11-23")]

    assert newest_session(events, CALENDAR, at(24, 16)) == (TUESDAY.day, ())
    assert for_session(events, date(2026, 11, 23), CALENDAR) == [events[2]]


@pytest.mark.parametrize("named", ["2026-11-25", "2026-11-26", "2026-11-22", "2099-01-02", "1999-01-04"])
def test_an_event_for_no_session_or_one_to_come_takes_no_other_with_it(named: str) -> None:
    wrong, right = event(at(24, 15), session=named), event(at(20, 12), session="2026-11-20")

    assert newest_session([wrong], CALENDAR, at(24, 16)).session == date.fromisoformat(named)
    newest = newest_session([right, wrong], CALENDAR, at(24, 16))

    assert newest.session == date(2026, 11, 20)
    assert [named in words and "2026-11-24" in words for words in newest.left_out] == [True]


def test_the_events_of_a_session_come_oldest_first() -> None:
    late, early = event(at(24, 16)), event(at(24, 15))

    assert for_session([late, early], TUESDAY.day, CALENDAR) == [early, late]


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], None),
        ([event(at(24, 14), rows=3)], {"rows": 3}),
        ([event(at(24, 14), url="a"), event(at(24, 15), url="b")], {"url": "b"}),
        # A second asset that only says that something is ready hides no file, whichever of them comes first.
        ([event(at(24, 14), url="a"), event(at(24, 15), "risk", rows=3)], {"url": "a"}),
        ([event(at(24, 14), "risk", rows=3), event(at(24, 15), url="a")], {"url": "a"}),
        # An older file is not taken where the asset's newest event forgot to name one.
        ([event(at(24, 14), url="a"), event(at(24, 15), uri="b")], {"uri": "b"}),
        ([event(at(24, 14), url="a"), event(at(24, 15), "risk"), event(at(24, 16), uri="b")], {"uri": "b"}),
        ([event(at(24, 14), url="a"), event(at(24, 15), "risk", url="b")], {"url": "b"}),
    ],
)
def test_the_newest_event_of_the_asset_that_names_a_file_announces_it(
    events: list[Event], said: dict[str, Any] | None
) -> None:
    assert announcement(events) == said


def waits(arrival: Arrival, *assets: str, started_at: datetime) -> str | None:
    events = [event(started_at, asset) for asset in assets]
    return reason_to_wait(arrival, events, TUESDAY, CALENDAR, started_at=started_at)


def test_signals_alone_start_a_run_at_any_time_once_all_are_there() -> None:
    both = Arrival(assets=("scores", "risk"))

    assert waits(both, "risk", "scores", started_at=at(24, 3)) is None
    assert waits(both, "risk", started_at=at(24, 3)) == (
        "the signals of session 2026-11-24 are not there: waiting for scores"
    )


@pytest.mark.parametrize(
    ("started_at", "assets", "reason"),
    [
        (at(24, 14, 39), ("scores",), "the run of session 2026-11-24 is due at 2026-11-24 14:40 UTC"),
        (at(24, 14, 40), ("scores",), None),
        (at(24, 14, 40), (), "waiting for scores, by 2026-11-24 15:00 UTC"),
        (at(24, 15, 0), ("scores",), None),
        (at(24, 15, 1), ("scores",), "the deadline of session 2026-11-24 was 2026-11-24 15:00 UTC"),
    ],
)
def test_a_run_takes_place_between_its_time_and_the_deadline_when_the_signals_are_there(
    started_at: datetime, assets: tuple[str, ...], reason: str | None
) -> None:
    found = waits(Arrival(assets=("scores",), at="session+10", deadline="session+30"), *assets, started_at=started_at)

    assert found is None if reason is None else reason in str(found)


def test_without_a_deadline_the_time_itself_is_the_last_chance() -> None:
    arrival = Arrival(assets=("scores",), at="session")

    assert waits(arrival, "scores", started_at=TUESDAY.open) is None
    assert "deadline" in str(waits(arrival, "scores", started_at=at(24, 14, 31)))


def test_a_deadline_does_not_need_a_time() -> None:
    arrival = Arrival(assets=("scores",), deadline="session+30")

    assert waits(arrival, "scores", started_at=at(24, 3)) is None
    assert "deadline" in str(waits(arrival, "scores", started_at=at(24, 15, 1)))
