"""Replays sessions without Airflow, which backfills only strategies that run by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from include.execution.assembly import Assembly
from include.execution.steps.close_run import close_run
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import RunIdentity, open_run, read_run, strategy_of
from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import Session, calendar_of
from include.trading.errors import InvalidData, TradingError
from include.trading.run.row import Run
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy

MOST_ORDERS = 1024


def sessions_between(strategy: Strategy, ledger: Ledger, first: date, last: date) -> list[Session]:
    """Return the sessions that are over; raises InvalidData where none is."""
    now = ledger.now()
    calendar = calendar_of(strategy, now)
    sessions = [calendar.session(day) for day in calendar.between(first, last)]
    if not (over := [session for session in sessions if session.close <= now]):
        raise InvalidData(f"--from {first} --to {last}: expected a session of {calendar.name} that is over, found none")
    return over


def replay_sessions(
    ledger: Ledger, assembly: Assembly, strategy: Strategy, sessions: list[Session]
) -> Iterator[tuple[Session, Run | TradingError]]:
    """Yield each session with its closed run, or with the error that left it without a plan; nothing can be sent."""
    for session in sessions:
        try:
            yield session, _replay(ledger, assembly, strategy, session)
        except TradingError as error:
            yield session, error


def _replay(ledger: Ledger, assembly: Assembly, strategy: Strategy, session: Session) -> Run:
    """Do a backfill's steps. A second replay of a session takes the place of the first."""
    name = f"what_if__{session.open.isoformat()}"
    identity = RunIdentity(strategy.dag_id, name, "backfill", session.open, session.open)
    run = open_run(ledger, identity, strategy, RunRequest(), account=None, code_version=assembly.code_version)
    # No venue: without one nothing can be sent.
    desk = assembly.desk(ledger, run.account, None, actor="what-if")
    correlation_id, step = str(run.run_id), "fetch_signals"
    try:
        with assembly.signals(strategy_of(run), correlation_id=correlation_id) as source:
            signals = fetch_signals(desk, source, run)
        step = "map_orders"
        with assembly.prices(strategy_of(run), correlation_id=correlation_id) as market:
            map_orders(desk, market, run, signals.signals if signals else (), most_orders=MOST_ORDERS)
    except TradingError as error:
        ledger.runs.record_error(run.run_id, str(error))
        close_run(desk, read_run(ledger, run.run_id), failed_step=step)
        raise
    return close_run(desk, read_run(ledger, run.run_id))
