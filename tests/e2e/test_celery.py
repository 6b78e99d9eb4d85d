"""Airflow's distributed engine: CeleryExecutor with Redis and two workers, one of which dies while it sends orders.

`make celery-test` runs it; it needs redis-server (Debian's package) and requirements-celery.txt.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from include.launcher import processes
from include.launcher.demo import Progress, Stack, bring_up
from include.launcher.paths import ROOT
from include.sandbox.runner import AdminClient
from tests.support.databases import temporary_home

pytestmark = pytest.mark.heavy

DAG_ID = "daily_trading"
WAIT_SECONDS = 300
ORDERS = 4
# Shorter than in production, so that the second try comes in seconds; every rule stays the same.
SHORT = {
    "TRADING_RETRY_MINUTES": "0.05,0.05,0.05",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}


@dataclass
class Cluster:
    """Airflow's components, Redis and two workers, by name."""

    stack: Stack
    workers: dict[str, processes.Child]
    sandbox: AdminClient

    def senders(self, state: str) -> dict[str, str]:
        """Return which worker made the last attempt of each order in a state."""
        with psycopg.connect(self.stack.ledger_url) as ledger:
            rows = ledger.execute(
                """
                SELECT DISTINCT ON (intent_id) client_order_id, split_part(worker, ':', 2)::integer
                FROM order_attempts JOIN order_intents ON order_intents.id = intent_id
                WHERE state = %(state)s
                ORDER BY intent_id, order_attempts.attempt DESC
                """,
                {"state": state},
            ).fetchall()
        names = {child.process.pid: name for name, child in self.workers.items()}
        return {order: names[session_of(pid)] for order, pid in rows}

    def kill(self, worker: str) -> None:
        """End a worker with all its tasks at once, as a machine that loses power does."""
        leader = self.workers[worker].process.pid
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and session_of(int(entry.name)) == leader:
                with suppress(ProcessLookupError):
                    os.kill(int(entry.name), signal.SIGKILL)


def session_of(pid: int) -> int | None:
    """Return the session a process belongs to; None when it is gone."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {WAIT_SECONDS} s"
        time.sleep(0.2)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("airflow.providers.celery", reason="requirements-celery.txt is not installed")
    redis = shutil.which("redis-server")
    if redis is None:
        pytest.skip("redis-server is not installed: apt install redis-server")
    with ExitStack() as started:
        home = started.enter_context(temporary_home())
        port = processes.free_port()
        broker = f"redis://127.0.0.1:{port}"
        settings = SHORT | {
            "TRADING_HOME": str(home),
            "TRADING_DEMO_PORTS": "auto",
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": f"{broker}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"{broker}/1",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        }
        started.enter_context(patch.dict(os.environ, settings))
        command = [redis, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
        children = [processes.start("redis", command, log=home / "redis.log", cwd=home)]
        started.callback(processes.stop, children)
        stack = bring_up(started, Progress())
        # As in the compose file: a worker knows no database of Airflow's.
        env = stack.env | {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/no-metadata-database-here.db",
            "AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False",
        }
        workers = {name: start_worker(name, env, home) for name in ("first", "second")}
        children += workers.values()
        until(lambda: ready(f"{broker}/0") == 2, "two workers that answer")
        sandbox = AdminClient(f"http://127.0.0.1:{stack.ports.admin}")
        started.callback(sandbox.close)
        yield Cluster(stack, workers, sandbox)


def start_worker(name: str, env: dict[str, str], home: Path) -> processes.Child:
    command = [sys.executable, "-m", "airflow", "celery", "worker", "--celery-hostname", f"{name}@%h"]
    return processes.start(name, [*command, "--skip-serve-logs"], log=home / "logs" / f"{name}.log", env=env, cwd=ROOT)


def ready(broker: str) -> int:
    """Return how many workers answer over the broker."""
    from celery import Celery

    with Celery(broker=broker) as app:
        return len(app.control.ping(timeout=2))


def test_a_worker_that_dies_while_it_sends_loses_and_doubles_no_order(cluster: Cluster) -> None:
    for worker in cluster.workers.values():
        loaded = Path(f"/proc/{worker.process.pid}/maps").read_text()
        assert "/pandas/" in loaded, "what tasks need is loaded once, in the worker they are forked from"
    api, sandbox = cluster.stack.api, cluster.sandbox
    api.log_in()
    until(lambda: api.knows(DAG_ID), "Airflow knows the DAG")
    api.unpause(DAG_ID)
    # Every order is accepted at once and the answer kept back, so that both workers are in the middle of a POST.
    sandbox.fault("slow_answer", seconds=10)
    run_id = api.trigger(DAG_ID)
    until(lambda: set(cluster.senders("sending").values()) == {"first", "second"}, "both workers send")
    until(lambda: sandbox.book()["posts_total"] >= 2, "the gateway has orders of both")

    in_flight = [order for order, worker in cluster.senders("sending").items() if worker == "first"]
    cluster.kill("first")
    sandbox.clear_faults()

    assert in_flight, "the killed worker was sending"
    until(lambda: api.run_state(DAG_ID, run_id) in ("success", "failed"), "the run ends")
    assert api.run_state(DAG_ID, run_id) == "success"
    book = sandbox.book()
    assert len(book["orders"]) == ORDERS
    assert {order["status"] for order in book["orders"]} == {"filled"}
    assert book["posts_by_id"] == {order["client_order_id"]: 1 for order in book["orders"]}
    assert set(in_flight) <= set(book["posts_by_id"])
    with psycopg.connect(cluster.stack.ledger_url) as ledger:
        status = ledger.execute(
            "SELECT status FROM orchestration_runs WHERE airflow_run_id = %(id)s", {"id": run_id}
        ).fetchone()
        intents = ledger.execute("SELECT client_order_id, filled_quantity FROM order_intents").fetchall()
    assert status == ("completed",)
    assert dict(intents) == {order["client_order_id"]: order["filled_qty"] for order in book["orders"]}
