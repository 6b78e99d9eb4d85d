"""Past sessions for the demo: traded with the sandbox, closed day by day, and beyond an audit's reproach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from include.execution.duty.audit import audit
from include.launcher.seed import WEEK, seed, wanted, weeks
from include.launcher.strategies import DEMO, strategies_of
from include.ledger.ledger import open_ledger
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from include.trading.strategy.spec import Strategy
from tests.support.engine import Engine


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def strategy() -> Strategy:
    return strategies_of(Path(DEMO))[0]


def environ(ledger_url: str, sandbox: Sandbox) -> dict[str, str]:
    def connection(url: str, **extra: str) -> str:
        return json.dumps({"conn_type": "http", "host": url, "extra": extra})

    return {
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": connection(sandbox.gateway_url, contract="v2", account="sandbox"),
        "AIRFLOW_CONN_SIGNAL_SERVICE": connection(sandbox.signals_url, contract="v2"),
        "AIRFLOW_CONN_MARKET_DATA": connection(sandbox.market_url),
    }


def test_seeded_sessions_have_books_without_a_gap_and_pass_the_audit(
    ledger_url: str, sandbox: Sandbox, strategy: Strategy
) -> None:
    assert seed(environ(ledger_url, sandbox), strategy, sandbox.admin, 4) == 4

    now = datetime.now(UTC)
    calendar = trading_calendar("XNYS", today=now.date())
    today = calendar.current(now).day
    with open_ledger(ledger_url) as ledger:
        days = ledger.results.days()
        assert [row.session_date for row in days] == list(calendar.between(days[0].session_date, today))[:-1]
        assert len(days) == 4
        assert all(row.equity == row.equity_before + row.result + row.flows for row in days)
        assert any(row.result != 0 for row in days)
        assert ledger.alerts.open() == []
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        with engine.desk(sends=False) as desk:
            done = audit(ledger, desk.reader, "sandbox", date.min, date.max)
    assert done.orders > 0
    assert [
        (found.rule, finding.words)
        for found in done.results
        for finding in found.findings
        if finding.outcome == "violation"
    ] == []
    # A ledger with plans is somebody's: nothing is added.
    assert seed(environ(ledger_url, sandbox), strategy, sandbox.admin, 4) == 0


@pytest.mark.parametrize("number", [1, 2, WEEK, WEEK + 1, WEEK + 2, 60])
def test_every_session_is_in_one_week_and_the_newest_has_a_run_of_its_own(number: int) -> None:
    calendar = trading_calendar("XNYS", today=date(2026, 11, 27))
    sessions = [calendar.session(day) for day in calendar.between(date(2026, 1, 2), date(2026, 11, 25))[-number:]]

    found = weeks(sessions)

    assert [session for week in found for session in week] == sessions
    assert found[-1] == [sessions[-1]]
    assert all(1 <= len(week) <= WEEK for week in found)


def test_only_an_embedded_ledger_and_the_sandbox_are_seeded(strategy: Strategy) -> None:
    assert wanted({}, strategy, embedded=True) == 60
    assert wanted({"SEED": "0"}, strategy, embedded=True) == 0
    assert wanted({}, strategy, embedded=False) == 0
    assert wanted({"AIRFLOW_CONN_EXECUTION_GATEWAY": "http://mine"}, strategy, embedded=True) == 0
    mine = strategy.model_copy(update={"sandbox_only": False, "market_hours": True})
    assert wanted({}, mine, embedded=True) == 0
