"""Replays on the engine path: real steps, clients, ledger and sandbox, and a count of what reached the gateway."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from include.execution.desk import Desk
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import open_run, read_run, sends
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import Session, trading_calendar
from include.trading.errors import InvalidData, NotFound, Unavailable
from include.trading.run.row import Run
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy
from tests.support.engine import SYMBOLS, Engine, sandbox_strategy

TODAY = datetime.now(UTC).date()
CALENDAR = trading_calendar("XNYS", today=TODAY)
# The newest session that is over for sure, wherever in its day the test runs.
NEWEST = CALENDAR.previous(CALENDAR.current(datetime.now(UTC)).day)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0, fill_parts=1) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.admin.reset()
    return running


@pytest.fixture
def engine(ledger_url: str, sandbox: Sandbox) -> Engine:
    return Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)


def trading_strategy(**changes: Any) -> Strategy:
    """A strategy that would send: only the run's type keeps it from it."""
    return sandbox_strategy(**{"sandbox_only": False, "market_hours": True, "schedule": "session"} | changes)


def sessions_before(newest: Session, count: int) -> list[Session]:
    days = CALENDAR.between(newest.day - timedelta(days=2 * count + 10), newest.day)[-count:]
    return [CALENDAR.session(day) for day in days]


def replay(
    engine: Engine, session: Session, strategy: Strategy | None = None, *, name: str | None = None, **params: Any
) -> Run:
    """Backfill one session, as Airflow would: the run's moment is its session's open."""
    identity = engine.identity(name or f"backfill__{session.open.isoformat()}", "backfill", session.open)
    run, intents = engine.plan(identity, strategy or trading_strategy(), **params)
    assert intents == []
    return engine.track(run)


def decided(engine: Engine, run: Run) -> list[dict[str, Any]]:
    """The run's mapping rows, without what names the row."""
    named = ("id", "run_id", "created_at", "updated_at")
    with engine.ledger() as ledger:
        rows = ledger.runs.mappings(run.run_id)
    return [{name: value for name, value in row.items() if name not in named} for row in rows]


def traded(engine: Engine, run: Run) -> dict[str, tuple[str, int]]:
    return {row["symbol"]: (row["order_side"], row["order_qty"]) for row in decided(engine, run) if row["order_side"]}


def count(engine: Engine, table: str) -> int:
    with engine.ledger() as ledger:
        row = ledger.connection.execute(f"SELECT count(*) AS found FROM {table}").fetchone()  # noqa: S608
    assert row is not None
    return int(row["found"])


def test_a_year_of_replays_plans_every_session_and_sends_nothing(engine: Engine, sandbox: Sandbox) -> None:
    sessions = sessions_before(NEWEST, 250)

    runs = [replay(engine, session) for session in sessions]

    assert [run.session_date for run in runs] == [session.day for session in sessions]
    assert {(run.mode, run.status, run.plan_id) for run in runs} == {("replay", "completed", None)}
    assert all(run.num_orders_planned == 4 for run in runs)
    assert sum(run.num_orders_submitted for run in runs) == 0
    assert (count(engine, "order_intents"), count(engine, "plans")) == (0, 0)
    book = sandbox.admin.book()
    assert (book["posts_total"], book["orders"]) == (0, [])


def test_the_gateway_of_a_replay_has_no_way_to_submit(engine: Engine) -> None:
    run = engine.open(engine.identity("one", "backfill", NEWEST.open), trading_strategy())

    with engine.desk(sends=sends(run)) as desk:
        assert not hasattr(desk.reader, "submit")
        with pytest.raises(TypeError, match="may not send"):
            _ = desk.client


def test_a_replay_needs_no_gateway_and_leaves_no_account(engine: Engine) -> None:
    with engine.ledger() as ledger:
        request = RunRequest()
        identity = engine.identity("one", "backfill", NEWEST.open)
        run = open_run(ledger, identity, trading_strategy(), request, account=None, code_version="test")
        desk = Desk(ledger=ledger, account=run.account, reader=None, settings=engine.settings, actor="test")
        with (
            engine.assembly().signals(trading_strategy(), correlation_id="test") as source,
            engine.assembly().prices(trading_strategy(), correlation_id="test") as market,
        ):
            signals = fetch_signals(desk, source, run)
            assert signals is not None
            assert map_orders(desk, market, run, signals.signals, most_orders=1024) == []
        closed = close_run(desk, read_run(ledger, run.run_id))

        assert (closed.status, closed.num_orders_planned) == ("completed", 4)
        assert ledger.accounts.all() == []


def test_a_run_that_sends_is_not_opened_without_a_gateway(engine: Engine) -> None:
    with engine.ledger() as ledger, pytest.raises(NotFound, match="execution_gateway"):
        open_run(ledger, engine.identity("one"), sandbox_strategy(), RunRequest(), account=None, code_version="test")

    assert count(engine, "orchestration_runs") == 0


def test_every_price_is_the_close_of_the_session_before(engine: Engine) -> None:
    run = replay(engine, NEWEST)

    before = CALENDAR.previous(NEWEST.day)
    assert run.as_of_date == before.day
    assert {row["price_at"] for row in decided(engine, run)} == {before.close}


def test_an_older_as_of_date_prices_at_its_own_close(engine: Engine) -> None:
    before = CALENDAR.previous(CALENDAR.previous(NEWEST.day).day)

    run = replay(engine, NEWEST, as_of_date=before.day.isoformat())

    assert {row["price_at"] for row in decided(engine, run)} == {before.close}
    assert run.status == "completed"


def test_what_came_later_changes_no_plan(engine: Engine, sandbox: Sandbox) -> None:
    session = sessions_before(NEWEST, 60)[0]
    now = replay(engine, session)

    # Back on the day: no later close exists, and the model cannot have seen one.
    sandbox.admin.settings(clock_offset_seconds=(session.open - datetime.now(UTC)).total_seconds())
    then = replay(engine, session, name="on_the_day")

    assert decided(engine, then) == decided(engine, now)


def test_the_same_plans_come_out_in_any_order(engine: Engine) -> None:
    sessions = sessions_before(NEWEST, 8)
    first = {session.day: decided(engine, replay(engine, session)) for session in sessions}
    shuffled = random.Random(4).sample(sessions, len(sessions))

    again = {session.day: decided(engine, replay(engine, session)) for session in shuffled}
    by_other_runs = {
        session.day: decided(engine, replay(engine, session, name=f"b{session.day}")) for session in shuffled
    }

    assert again == first
    assert by_other_runs == first


def test_what_was_traded_in_a_session_does_not_count_in_its_replay(engine: Engine, sandbox: Sandbox) -> None:
    # One plan is worth just under 40 % of capital; together with anything else the day's limit would be passed.
    limits = {"turnover_per_day": "0.45"}
    bought = engine.run("one", sandbox_strategy(limits=limits))
    posts = sandbox.admin.book()["posts_total"]

    replays = [
        engine.track(engine.plan(engine.identity(name), sandbox_strategy(limits=limits), mode="replay")[0])
        for name in ("two", "three")
    ]

    assert (bought.status, bought.num_orders_filled, posts) == ("completed", 4, 4)
    for run in replays:
        assert {row["held_quantity"] for row in decided(engine, run)} == {0}
        assert (run.num_orders_planned, run.num_orders_denied) == (4, 0)
    assert sandbox.admin.book()["posts_total"] == posts


def test_a_backfill_that_reprocesses_a_run_leaves_that_runs_rows_untouched(engine: Engine, sandbox: Sandbox) -> None:
    bought = engine.run("scheduled__now", sandbox_strategy())
    rows = decided(engine, bought)
    posts = sandbox.admin.book()["posts_total"]
    logical_date = CALENDAR.current(datetime.now(UTC)).open

    identity = engine.identity("scheduled__now", "backfill", logical_date)
    run = engine.track(engine.plan(identity, sandbox_strategy(), symbols=["AAPL", "MSFT"])[0])

    with engine.ledger() as ledger:
        assert ledger.runs.get(bought.run_id) == bought
    assert decided(engine, bought) == rows
    assert (run.mode, run.airflow_run_id, run.run_id == bought.run_id) == ("replay", "scheduled__now", False)
    assert sandbox.admin.book()["posts_total"] == posts


def test_a_backfill_repeated_with_other_params_shows_what_those_make(engine: Engine) -> None:
    whole = replay(engine, NEWEST)
    before = traded(engine, whole)

    half = replay(engine, NEWEST, capital=5000)

    assert (half.run_id, half.capital) == (whole.run_id, 5000)
    assert {symbol: side for symbol, (side, _) in traded(engine, half).items()} == {
        symbol: side for symbol, (side, _) in before.items()
    }
    assert all(quantity < before[symbol][1] for symbol, (_, quantity) in traded(engine, half).items())


@pytest.mark.parametrize("named", [["AAPL"], ["XOM", "MSFT"], list(SYMBOLS)])
def test_a_run_of_some_symbols_decides_of_each_what_the_whole_run_does(engine: Engine, named: list[str]) -> None:
    whole = {row["symbol"]: row for row in decided(engine, replay(engine, NEWEST))}

    some = replay(engine, NEWEST, symbols=named)

    assert some.symbols == [symbol for symbol in SYMBOLS if symbol in named]
    rows = {row["symbol"]: row for row in decided(engine, some)}
    assert set(rows) == set(named)
    for symbol, row in rows.items():
        for column in ("rank", "target_weight", "predicted_return", "target_quantity", "order_side", "order_qty"):
            assert row[column] == whole[symbol][column], (symbol, column)


def test_a_replay_whose_second_try_gets_no_signals_is_not_called_completed(engine: Engine, sandbox: Sandbox) -> None:
    session = sessions_before(NEWEST, 3)[0]
    params = {"session_date": session.day.isoformat()}
    run = engine.track(engine.plan(engine.identity("by_hand"), trading_strategy(), **params)[0])
    assert (run.mode, run.status) == ("replay", "completed")

    sandbox.admin.fault("signals_not_ready")
    with pytest.raises(Unavailable):
        engine.plan(engine.identity("by_hand"), trading_strategy(), **params)

    assert engine.track(run).status == "failed"


def test_a_sending_run_cleared_days_later_stays_one_but_only_closes(engine: Engine, sandbox: Sandbox) -> None:
    identity = engine.identity("one")
    run, intents = engine.plan(identity, sandbox_strategy())
    assert (run.mode, len(intents)) == ("paper", 4)

    later = replace(engine, clock_offset=timedelta(days=3))
    cleared, again = later.plan(identity, sandbox_strategy())
    later.submit_all(again)
    closed = later.track(cleared)

    assert (cleared.mode, cleared.send_until, cleared.plan_id) == (run.mode, run.send_until, run.plan_id)
    assert [intent.client_order_id for intent in again] == [intent.client_order_id for intent in intents]
    assert (closed.num_orders_not_sent, closed.num_orders_submitted) == (4, 0)
    assert sandbox.admin.book()["posts_total"] == 0


def test_a_sending_run_without_a_plan_cleared_days_later_plans_nothing(engine: Engine, sandbox: Sandbox) -> None:
    identity = engine.identity("one")
    engine.open(identity, sandbox_strategy())

    with pytest.raises(InvalidData, match="trigger a new run"):
        replace(engine, clock_offset=timedelta(days=3)).plan(identity, sandbox_strategy())

    assert (count(engine, "plans"), count(engine, "signal_order_mappings")) == (0, 0)
    assert sandbox.admin.book()["posts_total"] == 0


def test_a_day_without_signals_is_completed_with_no_order_also_on_a_second_try(
    engine: Engine, sandbox: Sandbox
) -> None:
    sandbox.admin.fault("empty_signals")

    for _ in range(2):
        run = replay(engine, NEWEST)
        assert (run.status, run.num_signals, run.num_orders_planned) == ("completed", 0, 0)
        bought = engine.run("by_hand", sandbox_strategy())
        assert (bought.mode, bought.status, bought.num_orders_planned) == ("paper", "completed", 0)
    assert sandbox.admin.book()["posts_total"] == 0


def _saturday() -> date:
    return NEWEST.day - timedelta(days=(NEWEST.day.weekday() - 5) % 7)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"session_date": _saturday().isoformat()}, "expected a trading day of XNYS"),
        ({"as_of_date": _saturday().isoformat()}, "expected a trading day of XNYS"),
        ({"session_date": CALENDAR.next(TODAY + timedelta(days=5)).day.isoformat()}, "is in the future"),
        ({"session_date": "2090-01-03"}, "sessions from .* are known"),
        ({"session_date": "1999-01-04"}, "sessions from .* are known"),
        ({"session_date": "2026-02-30"}, "session_date: expected"),
    ],
)
def test_a_day_that_cannot_be_traded_is_refused_and_leaves_nothing(
    engine: Engine, params: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidData, match=message):
        engine.plan(engine.identity("one"), trading_strategy(), **params)

    assert (count(engine, "orchestration_runs"), count(engine, "signal_order_mappings")) == (0, 0)


def test_a_backfill_of_a_session_that_nobody_can_know_yet_is_refused(engine: Engine) -> None:
    session = CALENDAR.next(TODAY + timedelta(days=5))

    with pytest.raises(InvalidData, match="is in the future"):
        replay(engine, session)

    assert count(engine, "orchestration_runs") == 0


def test_a_limit_of_what_is_added_is_none_of_what_a_replay_holds(engine: Engine) -> None:
    limited = decided(engine, replay(engine, NEWEST, trading_strategy(limits={"volume_share": "0.000001"})))
    unlimited = decided(engine, replay(engine, NEWEST))

    assert limited == unlimited
    assert "liquidity" not in {row["bound"] for row in limited}
