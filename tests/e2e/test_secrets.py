"""Nothing secret leaves its connection: a run that fails and a run that trades, then every place is searched."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import httpx
import psycopg
import pytest
from psycopg import sql

from include.launcher.airflow import ADMIN, refuse_dead
from include.launcher.demo import Progress, Stack, bring_up
from include.launcher.processes import free_port
from include.sandbox.runner import AdminClient
from tests.support.databases import temporary_home

pytestmark = pytest.mark.heavy

DAG_ID = "daily_trading"
RUN_SECONDS = 420
PLANTED = {
    "signal service's secret": "planted-t3-" + "a1B2" * 16,
    "gateway's secret": "planted-t4-" + "c3D4" * 16,
    "market data's key": "PLANTEDKEYID7391",
    "market data's secret": "planted-market-" + "e5F6" * 8,
}
# What the API server answers of a run, a task and the package.
PATHS = (
    "/api/v2/dags/{dag}/dagRuns/{run}",
    "/api/v2/dags/{dag}/dagRuns/{run}/taskInstances",
    "/api/v2/dags/{dag}/dagRuns/{run}/taskInstances/~/xcomEntries",
    "/api/v2/dags/{dag}/details",
    "/api/v2/connections",
    "/api/v2/variables",
    "/api/v2/eventLogs",
    "/api/v2/importErrors",
    "/api/v2/plugins",
    "/api/v1/orchestration/runs",
    "/api/v1/orchestration/health",
    "/trading/metrics",
)


@dataclass
class Planted:
    """A running Airflow whose connections hold secrets that are easy to find."""

    stack: Stack
    home: Path
    sandbox: AdminClient
    runs: list[str] = field(default_factory=list)

    @property
    def secrets(self) -> dict[str, str]:
        """Return what must not be found anywhere, by name."""
        password = psycopg.conninfo.conninfo_to_dict(self.stack.ledger_url)["password"]
        kept = json.loads((self.home / "secrets.json").read_text())
        return PLANTED | {"ledger's password": str(password)} | kept

    def run(self) -> None:
        api = self.stack.api
        run_id = api.trigger(DAG_ID)
        self.runs.append(run_id)
        deadline = time.monotonic() + RUN_SECONDS
        while api.run_state(DAG_ID, run_id) not in ("success", "failed"):
            refuse_dead(self.stack.children)
            assert time.monotonic() < deadline, api.task_states(DAG_ID, run_id)
            time.sleep(0.5)

    def found_in(self, text: str) -> list[str]:
        return [name for name, secret in self.secrets.items() if secret in text]


@pytest.fixture(scope="module")
def planted() -> Iterator[Planted]:
    """One run without an answer of the gateway, one run that trades."""
    with ExitStack() as opened:
        home = opened.enter_context(temporary_home())
        signals, gateway, market = free_port(), free_port(), free_port()
        v2 = {"contract": "v2"}

        def connection(port: int, extra: dict[str, str], **more: str) -> str:
            return json.dumps({"conn_type": "http", "host": "127.0.0.1", "port": port, "extra": extra, **more})

        settings = {
            "TRADING_HOME": str(home),
            "TRADING_DEMO_PORTS": "auto",
            "TRADING_SIGNALS_PORT": str(signals),
            "TRADING_GATEWAY_PORT": str(gateway),
            "TRADING_MARKET_PORT": str(market),
            "TRADING_RETRY_MINUTES": "0.05",
            "TRADING_QUICK_RETRY_SECONDS": "0.1",
            "AIRFLOW_CONN_SIGNAL_SERVICE": connection(signals, v2, password=PLANTED["signal service's secret"]),
            "AIRFLOW_CONN_EXECUTION_GATEWAY": connection(
                gateway, v2 | {"account": "sandbox"}, password=PLANTED["gateway's secret"]
            ),
            "AIRFLOW_CONN_MARKET_DATA": connection(
                market, {}, login=PLANTED["market data's key"], password=PLANTED["market data's secret"]
            ),
        }
        opened.enter_context(patch.dict(os.environ, settings))
        stack = bring_up(opened, Progress())
        sandbox = AdminClient(f"http://127.0.0.1:{stack.ports.admin}")
        opened.callback(sandbox.close)
        stack.api.log_in()
        while not stack.api.knows(DAG_ID):
            refuse_dead(stack.children)
            time.sleep(0.5)
        stack.api.unpause(DAG_ID)
        running = Planted(stack, home, sandbox)
        sandbox.fault("plain_500", service="signals")
        running.run()
        sandbox.clear_faults()
        running.run()
        yield running


def test_one_run_failed_and_one_traded(planted: Planted) -> None:
    states = [planted.stack.api.run_state(DAG_ID, run) for run in planted.runs]

    assert states == ["failed", "success"]
    assert len(planted.sandbox.book()["orders"]) == 4


def test_no_log_holds_a_secret(planted: Planted) -> None:
    logs = [path for path in planted.home.rglob("*.log") if path.is_file()]

    assert len([path for path in logs if "task_id=" in str(path)]) >= 7
    found = {str(path): names for path in logs if (names := planted.found_in(path.read_text(errors="replace")))}
    assert found == {}


@pytest.mark.parametrize("database", ["airflow", "trading"])
def test_no_row_of_a_database_holds_a_secret(planted: Planted, database: str) -> None:
    """XCom, rendered fields, task instances, the audit log, serialised DAGs: all are rows."""
    found, rows = {}, 0
    with psycopg.connect(planted.stack.ledger_url, dbname=database) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            # Bytes are shown as they are, not in hexadecimal digits.
            connection.execute("SET bytea_output = 'escape'")
            text = "\n".join(
                row[0]
                for row in connection.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
            )
            rows += text.count("\n") + bool(text)
            if names := planted.found_in(text):
                found[table] = names
    assert rows > 50
    assert found == {}


def test_no_answer_of_the_api_holds_a_secret(planted: Planted) -> None:
    address = f"http://127.0.0.1:{planted.stack.ports.ui}"
    login = {"username": ADMIN, "password": planted.stack.admin_password}
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as http:
        http.headers["Authorization"] = f"Bearer {http.post('/auth/token', json=login).json()['access_token']}"
        found, answered = {}, 0
        for run in planted.runs:
            for path in PATHS:
                answer = http.get(path.format(dag=DAG_ID, run=run))
                answered += answer.is_success
                if names := planted.found_in(answer.text):
                    found[path] = names
    assert answered == len(PATHS) * len(planted.runs)
    assert found == {}
