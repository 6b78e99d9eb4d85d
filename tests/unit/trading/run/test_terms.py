"""Which session a run is about, and how far it may go: settled from what the run says of itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.trading.calendar.sessions import Session, TradingCalendar
from include.trading.errors import InvalidData
from include.trading.models import Mode
from include.trading.run.terms import RunTerms, RunType, session_of_run, settle_terms
from include.trading.strategy.request import RunRequest
from tests.support.planning import strategy


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# Thursday 26 is Thanksgiving, and Friday 27 closes early.
DAYS = (18, 19, 20, 23, 24, 25, 27, 30)
CALENDAR = TradingCalendar(
    name="XNYS",
    timezone="America/New_York",
    sessions=tuple(Session(date(2026, 11, day), at(day, 14, 30), at(day, 18 if day == 27 else 21)) for day in DAYS),
)
FRIDAY = date(2026, 11, 20)
OPEN = at(20, 14, 30)


def session(
    run_type: RunType = "manual",
    *,
    logical_date: datetime | None = None,
    started_at: datetime = OPEN,
    **params: Any,
) -> date:
    return session_of_run(
        RunRequest.from_params(params), CALENDAR, run_type=run_type, logical_date=logical_date, started_at=started_at
    )


def terms(
    run_type: RunType = "scheduled",
    *,
    mode: Mode = "paper",
    now: datetime = OPEN + timedelta(minutes=1),
    started_at: datetime = OPEN,
    logical_date: datetime | None = OPEN,
    sandbox: bool = False,
    send_minutes: int = 45,
    **params: Any,
) -> RunTerms:
    return settle_terms(
        strategy(mode=mode, sandbox_only=sandbox, market_hours=not sandbox, orders={"send_minutes": send_minutes}),
        RunRequest.from_params(params),
        CALENDAR,
        run_type=run_type,
        logical_date=logical_date if run_type != "manual" else None,
        started_at=started_at,
        now=now,
    )


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_scheduled_run_and_a_backfill_trade_the_session_of_their_logical_date(run_type: RunType) -> None:
    assert session(run_type, logical_date=at(19, 14, 30), started_at=at(30, 12)) == date(2026, 11, 19)


def test_a_cron_run_on_a_holiday_is_about_the_session_to_come() -> None:
    assert session("scheduled", logical_date=at(26, 14, 30)) == date(2026, 11, 27)


def test_a_scheduled_run_cannot_be_told_another_session() -> None:
    with pytest.raises(InvalidData, match="this scheduled run is for the session 2026-11-20; got 2026-11-19"):
        session("scheduled", logical_date=OPEN, session_date="2026-11-19")


def test_a_scheduled_run_may_be_told_its_own_session() -> None:
    assert session("scheduled", logical_date=OPEN, session_date="2026-11-20") == FRIDAY


def test_a_manual_run_trades_the_session_it_names() -> None:
    assert session(session_date="2026-11-18") == date(2026, 11, 18)


def test_a_session_without_trading_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(InvalidData, match=r"got Thursday 2026-11-26.*2026-11-25 and 2026-11-27"):
        session(session_date="2026-11-26")


def test_a_manual_run_with_data_of_a_day_trades_the_session_after_it() -> None:
    assert session(as_of_date="2026-11-25") == date(2026, 11, 27)


def test_a_manual_run_that_says_nothing_trades_the_session_current_at_its_trigger() -> None:
    assert session(started_at=at(20, 20, 59)) == FRIDAY
    assert session(started_at=at(20, 21)) == date(2026, 11, 23)


def test_a_manual_runs_logical_date_has_no_say() -> None:
    assert session(logical_date=at(18, 12), started_at=OPEN) == FRIDAY


def test_the_signals_are_of_the_session_before_the_traded_one() -> None:
    assert terms().as_of_date == date(2026, 11, 19)
    assert terms(logical_date=at(27, 14, 30), started_at=at(27, 14, 30), now=at(27, 14, 31)).as_of_date == date(
        2026, 11, 25
    )


def test_older_signals_may_be_asked_for() -> None:
    assert terms(as_of_date="2026-11-18").as_of_date == date(2026, 11, 18)


@pytest.mark.parametrize("as_of_date", ["2026-11-20", "2026-11-23"])
def test_signals_made_from_the_traded_days_own_data_are_refused(as_of_date: str) -> None:
    with pytest.raises(InvalidData, match=r"as_of_date: expected a session before the traded one, 2026-11-20"):
        terms(as_of_date=as_of_date)


def test_a_session_that_nobody_can_know_yet_is_refused() -> None:
    with pytest.raises(InvalidData, match=r"session 2026-11-24 is in the future: expected at latest .* 2026-11-20"):
        terms("manual", session_date="2026-11-24")


def test_the_next_session_can_be_planned_from_the_close_before_it_but_not_sent() -> None:
    settled = terms("manual", session_date="2026-11-23", started_at=at(20, 21), now=at(20, 21))

    assert (settled.session, settled.mode) == (date(2026, 11, 23), "plan")
    assert settled.mode_reason == "before the open at 2026-11-23 14:30 UTC"


def test_a_run_in_its_window_keeps_its_mode() -> None:
    settled = terms()

    assert (settled.mode, settled.mode_reason) == ("paper", None)
    assert (settled.window_opens, settled.send_until) == (OPEN, OPEN + timedelta(minutes=45))
    assert settled.cutoff_at == at(20, 21, 15)


def test_sending_ends_five_minutes_before_an_early_close() -> None:
    settled = terms("manual", started_at=at(27, 17, 40), now=at(27, 17, 41))

    assert settled.send_until == at(27, 17, 55)


def test_after_its_window_a_run_only_plans() -> None:
    settled = terms(now=OPEN + timedelta(minutes=45))

    assert settled.mode == "plan"
    assert settled.mode_reason == "after the sending window, which ended at 2026-11-20 15:15 UTC"


@pytest.mark.parametrize("mode", ["plan", "dry_run", "paper", "live"])
@pytest.mark.parametrize("run_type", ["scheduled", "manual"])
def test_a_session_that_ended_is_replayed(run_type: RunType, mode: Mode) -> None:
    settled = terms(run_type, mode=mode, now=at(20, 21), session_date="2026-11-20")

    assert (settled.mode, settled.mode_reason) == ("replay", "the session 2026-11-20 ended at 2026-11-20 21:00 UTC")


@pytest.mark.parametrize("sandbox", [False, True])
@pytest.mark.parametrize("mode", ["replay", "plan", "dry_run", "paper"])
def test_a_backfill_never_trades_not_even_the_session_under_way(mode: Mode, sandbox: bool) -> None:
    settled = terms("backfill", mode=mode, sandbox=sandbox)

    assert (settled.mode, settled.mode_reason) == ("replay", "a backfill never trades")


@pytest.mark.parametrize("mode", ["replay", "plan"])
def test_a_mode_that_never_sends_needs_no_reason_outside_the_window(mode: Mode) -> None:
    settled = terms(mode=mode, now=at(20, 20))

    assert (settled.mode, settled.mode_reason) == (mode, None)


def test_the_sandbox_trades_at_any_hour_for_ten_minutes_from_the_start() -> None:
    night = at(22, 3)
    settled = terms("manual", sandbox=True, started_at=night, now=night)

    assert (settled.session, settled.mode) == (date(2026, 11, 23), "paper")
    assert settled.window_opens == night
    assert settled.send_until == night + timedelta(minutes=10)
    assert settled.cutoff_at == night + timedelta(minutes=11)


def test_a_sandbox_run_that_was_kept_waiting_only_plans() -> None:
    night = at(22, 3)
    settled = terms("manual", sandbox=True, started_at=night, now=night + timedelta(minutes=10))

    assert settled.mode == "plan"
