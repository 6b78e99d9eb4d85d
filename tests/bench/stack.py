"""The demo's stack, to be timed: its start, settings and DAG files, with another strategy and the no-op DAG."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg.rows import dict_row

from include.adapters.http.client import RETRY_DELAYS_SECONDS
from include.execution.settings import Settings
from include.launcher import airflow
from include.launcher.demo import LEDGER_DATABASE, METADATA_SETTING, Progress, Stack, bring_up, ledger_on
from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.sandbox.runner import AdminClient
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.bench.results import Incomplete
from tests.bench.strategies import entry
from tests.e2e.live import until
from tests.support.databases import temporary_home
from tests.support.engine import Engine
from tests.support.environment import without_airflow
from tests.support.pooler import Pooler, find_pooler

OURS, NOOP = "daily_trading", "noop"
NOOP_FILE = Path(__file__).with_name("noop_dag.py")
# Airflow may find the DAG files some seconds after it is up; a run of 500 tasks took under five minutes on two cores.
DAG_SECONDS, RUN_SECONDS = 120, 1800
LOG_CHARACTERS = 3000


@dataclass(frozen=True)
class Ended:
    """A DAG run that succeeded, and its task instances as Airflow's database has them."""

    dag_id: str
    run_id: str
    seconds: float
    tasks: list[dict[str, Any]]


@dataclass(frozen=True)
class BenchStack:
    """A running Airflow, and Airflow's own tables: reading them costs the API server nothing while it is timed."""

    stack: Stack
    metadata: psycopg.Connection[dict[str, Any]]
    engine: Engine
    strategy: Strategy

    def run(self, dag_id: str) -> Ended:
        """Trigger a run and return it once it ended; seconds are from before the request to the run's end_date.

        Raises Incomplete as soon as one of its tasks failed, whether or not that would be tried again.
        """
        began = datetime.now(UTC)
        run_id = self.stack.api.trigger(dag_id)
        ended_at = until(lambda: self._ended_at(dag_id, run_id), f"the end of {dag_id} {run_id}", RUN_SECONDS)
        tasks = self.metadata.execute(
            "SELECT task_id, map_index, start_date, end_date, rendered_map_index FROM task_instance "
            "WHERE dag_id = %s AND run_id = %s",
            [dag_id, run_id],
        ).fetchall()
        return Ended(dag_id, run_id, (ended_at - began).total_seconds(), tasks)

    def _ended_at(self, dag_id: str, run_id: str) -> datetime | None:
        airflow.refuse_dead(self.stack.children)
        run = self.metadata.execute(
            "SELECT state, end_date FROM dag_run WHERE dag_id = %s AND run_id = %s", [dag_id, run_id]
        ).fetchone()
        if run is not None and run["state"] == "success":
            ended_at: datetime = run["end_date"]
            return ended_at
        failed = self.metadata.execute(
            "SELECT task_id, map_index FROM task_instance "
            "WHERE dag_id = %s AND run_id = %s AND state IN ('failed', 'up_for_retry')",
            [dag_id, run_id],
        ).fetchone()
        if failed is not None:
            raise Incomplete(f"{dag_id} {run_id}: {failed['task_id']} failed\n{self._log(dag_id, run_id, failed)}")
        return None

    def _log(self, dag_id: str, run_id: str, task: dict[str, Any]) -> str:
        """Return the end of a task's log: the folder it is in is gone when the benchmark ends."""
        folder = self.stack.airflow_logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task['task_id']}"
        if task["map_index"] >= 0:
            folder /= f"map_index={task['map_index']}"
        return "\n".join(log.read_text(errors="replace")[-LOG_CHARACTERS:] for log in sorted(folder.glob("*.log")))

    def completed(self, ended: Ended) -> Run:
        """Return the ledger's row of one of our runs. Raises Incomplete unless it filled an order for every symbol."""
        with self.engine.ledger() as ledger:
            run = ledger.runs.newest(ended.dag_id, ended.run_id)
        return all_filled(run, len(self.strategy.symbols))

    def flatten(self) -> None:
        """Sell what is held, without the scheduler: every timed run begins with a flat book, as the first one did."""
        name = f"flatten {datetime.now(UTC).isoformat()}"
        all_filled(self.engine.run(name, self.strategy, flatten=True), len(self.strategy.symbols))


def all_filled(run: Run | None, orders: int) -> Run:
    """Return the run. Raises Incomplete unless it completed with so many orders, each filled."""
    if run is None:
        raise Incomplete("the run left nothing in the ledger")
    if (run.status, run.num_orders_planned, run.num_orders_filled) != ("completed", orders, orders):
        raise Incomplete(
            f"run {run.run_id}: expected completed with {orders} orders filled, got {run.status}: "
            f"{run.num_orders_planned} planned, {run.num_orders_filled} filled; {run.error_message or run.summary}"
        )
    return run


def _lent(binary: Path | None, server: EmbeddedPostgres, opened: ExitStack) -> str:
    """Return the URL of the ledger, by way of PgBouncer where there is one."""
    direct = ledger_on(server, opened)
    return direct if binary is None else opened.enter_context(Pooler(server, binary)).url(LEDGER_DATABASE)


@contextmanager
def bench_stack(orders: int) -> Iterator[BenchStack]:
    """Start everything on free ports in a folder of its own, with one strategy of so many orders.

    All settings are the demo's, whatever the caller's environment says; the sandbox fills at once. Where this machine
    has PgBouncer the ledger's connections come from it, as docs/deployment.md advises.
    """
    strategy = Strategy.model_validate(entry(orders))
    with ExitStack() as opened:
        home = opened.enter_context(temporary_home())
        # JSON is YAML.
        (home / "strategies.yaml").write_text(json.dumps({"strategies": [entry(orders)]}))
        shutil.copytree(ROOT / "dags", home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(NOOP_FILE, home / "dags")
        settings = {
            "TRADING_HOME": str(home / "state"),
            "TRADING_DEMO_PORTS": "auto",
            "TRADING_STRATEGIES_FILE": str(home / "strategies.yaml"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "BENCH_ORDERS": str(orders),
        }
        plain = without_airflow()
        plain.pop("DATABASE_URL", None)
        with patch.dict(os.environ, plain | settings, clear=True):
            stack = bring_up(opened, Progress(), partial(_lent, find_pooler()))
        stack.api.log_in()
        sandbox = AdminClient(f"http://127.0.0.1:{stack.ports.admin}")
        opened.callback(sandbox.close)
        sandbox.settings(fill_after_seconds=0)
        url = stack.env[METADATA_SETTING].replace("postgresql+psycopg2://", "postgresql://", 1)
        metadata = opened.enter_context(psycopg.connect(url, autocommit=True, row_factory=dict_row))
        engine = Engine(
            stack.ledger_url,
            signals_url=f"http://127.0.0.1:{stack.ports.signals}",
            gateway_url=f"http://127.0.0.1:{stack.ports.gateway}",
            market_url=f"http://127.0.0.1:{stack.ports.market}",
            settings=Settings(),
            timeout_seconds=10,
            retry_delays_seconds=RETRY_DELAYS_SECONDS,
        )
        for dag_id in (OURS, NOOP):
            until(lambda dag_id=dag_id: stack.api.knows(dag_id), f"the DAG {dag_id}", DAG_SECONDS)
            stack.api.unpause(dag_id)
        yield BenchStack(stack, metadata, engine, strategy)
