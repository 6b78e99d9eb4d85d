"""Into an existing Airflow installation: docs/deployment.md's steps, one for one, beside another team's DAG."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from include.launcher.paths import ROOT
from include.sandbox.runner import Sandbox, start_sandbox

pytestmark = pytest.mark.heavy

THEIR_DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def their_dag():
    @task
    def nothing():
        pass
    nothing()

their_dag()
"""


@dataclass(frozen=True)
class Installation:
    """An Airflow with a home, a DAG and a plugins folder of its own."""

    home: Path
    env: dict[str, str]

    def run(self, *words: str) -> str:
        """Run a Python module's command there and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=self.home, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture
def airflow_of_somebody(tmp_path: Path) -> Installation:
    """A bare Airflow: SQLite, defaults, one DAG; nothing of this project."""
    for folder in ("dags", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dags" / "their_dag.py").write_text(THEIR_DAG)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TRADING", "PYTHONPATH"))
    }
    installation = Installation(
        tmp_path, kept | {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    )
    installation.run("airflow", "db", "migrate")
    return installation


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0) as running:
        yield running


def install(there: Installation, sandbox: Sandbox, ledger_url: str) -> Installation:
    """Do what docs/deployment.md says: copy three folders, set PYTHONPATH and the connections, migrate."""
    shutil.copytree(ROOT / "dags", there.home / "dags", dirs_exist_ok=True)
    shutil.copytree(ROOT / "plugins", there.home / "plugins", dirs_exist_ok=True)
    shutil.copytree(ROOT / "include", there.home / "trading" / "include")
    installed = Installation(
        there.home,
        there.env
        | {
            "PYTHONPATH": f"{there.home / 'trading'}{os.pathsep}{there.home / 'plugins'}",
            "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
            "AIRFLOW_CONN_SIGNAL_SERVICE": f"{sandbox.signals_url}/?contract=v2",
            "AIRFLOW_CONN_EXECUTION_GATEWAY": f"{sandbox.gateway_url}/?contract=v2&account=sandbox",
            "AIRFLOW_CONN_MARKET_DATA": sandbox.market_url,
            "TRADING_STRATEGIES_FILE": str(there.home / "trading" / "include" / "config" / "demo_strategies.yaml"),
        },
    )
    installed.run("include.ops", "migrate")
    return installed


def test_the_package_trades_in_an_airflow_that_was_there_before(
    airflow_of_somebody: Installation, sandbox: Sandbox, empty_database_url: str
) -> None:
    airflow = install(airflow_of_somebody, sandbox, empty_database_url)

    airflow.run("airflow", "dags", "reserialize")
    # Airflow's own warnings come before it.
    listed = airflow.run("airflow", "dags", "list", "--output", "json").splitlines()[-1]
    dags = {dag["dag_id"] for dag in json.loads(listed)}
    assert {"their_dag", "daily_trading"} <= dags
    assert "trading" in airflow.run("airflow", "plugins", "--output", "json")

    airflow.run("airflow", "dags", "test", "daily_trading")
    with psycopg.connect(empty_database_url) as ledger:
        assert ledger.execute("SELECT status FROM orchestration_runs").fetchall() == [("completed",)]
    book = sandbox.admin.book()
    assert {order["status"] for order in book["orders"]} == {"filled"}
    assert list(book["posts_by_id"].values()) == [1] * 4
