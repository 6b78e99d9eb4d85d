"""Starts the stack with LocalExecutor, then with Celery; trades one session in each; judges by the sandbox's book.

`python -m tests.compose` needs root, docker.io and debootstrap, and pulls nothing. `--real` uses the Docker that is
there and the official images.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.launcher.airflow import Api
from include.launcher.env_file import ensure_env_file
from include.launcher.errors import CannotRun
from include.launcher.paths import ROOT
from include.launcher.processes import free_port
from include.launcher.settings import read_env_file
from tests.compose.engine import CannotTest, Engine, own_engine, real_engine

DAG_ID = "daily_trading"
RUN_SECONDS = 600
STACKS = {
    "LocalExecutor": {"COMPOSE_PROFILES": "sandbox", "AIRFLOW_EXECUTOR": "LocalExecutor"},
    "CeleryExecutor": {"COMPOSE_PROFILES": "sandbox,celery", "AIRFLOW_EXECUTOR": "CeleryExecutor"},
}


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    engine: Engine
    project: Path
    environ: dict[str, str]
    api: Api
    admin_port: int

    def compose(self, *words: str) -> str:
        return self.engine.run(*self.engine.compose, *words, cwd=self.project, environ=self.environ)

    def ledger(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query on the ledger."""
        statement = f"SELECT coalesce(json_agg(found), '[]') FROM ({query}) AS found"  # noqa: S608  our own
        psql = ["psql", "--username=postgres", "--dbname=trading", "--host=127.0.0.1", "--tuples-only", "--no-align"]
        password = f"PGPASSWORD={read_env_file(self.project / '.env')['POSTGRES_PASSWORD']}"
        rows = self.compose("exec", "-T", "--env", password, "postgres", *psql, "--command", statement)
        return list(json.loads(rows))

    def book(self) -> dict[str, Any]:
        """Return the sandbox's own book."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.admin_port}/admin/book", timeout=30) as answer:
            return dict(json.load(answer))


@contextmanager
def stack(engine: Engine, project: Path, settings: dict[str, str]) -> Iterator[Stack]:
    """Bring the stack up until all of it is healthy; afterwards take it down with its volumes."""
    ui, admin = free_port(), free_port()
    environ = settings | {
        "COMPOSE_PROJECT_NAME": "daily-trading-test",
        "TRADING_UI_PORT": str(ui),
        "AIRFLOW_URL": f"http://127.0.0.1:{ui}",
        "TRADING_ADMIN_PORT": str(admin),
    }
    password = read_env_file(project / ".env")["AIRFLOW_ADMIN_PASSWORD"]
    running = Stack(engine, project, environ, Api(f"http://127.0.0.1:{ui}", password), admin)
    # What a run that was cut off has left would be started again with the engine.
    running.compose("down", "--volumes", "--timeout=20")
    try:
        running.compose("up", "--detach", "--build", "--wait", f"--pull={engine.pull}")
        yield running
    except (CannotTest, CannotRun):
        print(running.compose("ps", "--all"), running.compose("logs", "--tail=40"), sep="\n", flush=True)
        raise
    finally:
        running.compose("down", "--volumes", "--timeout=20")


def trade(running: Stack) -> str:
    """Run the DAG once and return its Airflow run id; raises unless it succeeds."""
    api = running.api
    api.log_in()
    _until(lambda: api.knows(DAG_ID), f"Airflow does not know {DAG_ID}")
    api.unpause(DAG_ID)
    run_id = api.trigger(DAG_ID)
    _until(lambda: api.run_state(DAG_ID, run_id) in ("success", "failed"), "the run did not end")
    if api.run_state(DAG_ID, run_id) != "success":
        raise CannotTest(f"the run failed: {api.task_states(DAG_ID, run_id)}")
    return run_id


def judge(running: Stack, run_id: str) -> str:
    """Compare the ledger with the sandbox's book; raises when they differ, returns what was found."""
    (run,) = running.ledger(f"SELECT status, summary FROM orchestration_runs WHERE airflow_run_id = '{run_id}'")  # noqa: S608  our own
    intents = running.ledger("SELECT client_order_id, state, quantity, filled_quantity FROM order_intents")
    workers = running.ledger("SELECT DISTINCT split_part(worker, ':', 1) AS host FROM order_attempts")
    book = running.book()
    orders = {order["client_order_id"]: order for order in book["orders"]}
    expect("the run's status", run["status"], "completed")
    expect("orders", len(intents), 4)
    expect("the book's orders", sorted(orders), sorted(intent["client_order_id"] for intent in intents))
    expect("POSTs of an order", set(book["posts_by_id"].values()), {1})
    for intent in intents:
        order = orders[intent["client_order_id"]]
        expect("state", (intent["state"], order["status"]), ("filled", "filled"))
        expect("shares", (intent["quantity"], intent["filled_quantity"]), (order["qty"], order["filled_qty"]))
    hosts = {worker["host"] for worker in workers}
    sender = "worker" if running.environ["AIRFLOW_EXECUTOR"] == "CeleryExecutor" else "scheduler"
    expect(f"only {sender} containers sent", hosts <= set(_hosts(running, sender)), True)
    users = running.compose("exec", "-T", "api-server", "id", "--user").strip()
    expect("the container's user", users, "50000")
    return f"{run['summary']}; sent by {len(hosts)} {sender} container(s)"


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise CannotTest(f"{what}: expected {wanted}, found {found}")


def refuses_empty_secrets(engine: Engine, project: Path) -> None:
    """Every secret of .env, emptied, must stop compose before anything starts."""
    environ = {**STACKS["CeleryExecutor"], "COMPOSE_PROFILES": "sandbox,celery,monitoring"}
    secrets = [name for name, value in read_env_file(ROOT / "docker" / "env.example").items() if not value]
    for name in secrets:
        done = subprocess.run(
            [*engine.compose, "config", "--quiet"],
            cwd=project,
            env={**engine.environ, **environ, name: ""},
            capture_output=True,
            text=True,
            check=False,
        )
        expect(f"compose with an empty {name}", (done.returncode != 0, name in done.stderr), (True, True))
    print(f"Compose refuses each of {len(secrets)} secrets when it is empty.", flush=True)


def _hosts(running: Stack, service: str) -> list[str]:
    ids = running.compose("ps", "--quiet", service).split()
    return [running.engine.run("docker", "inspect", "--format={{.Config.Hostname}}", id).strip() for id in ids]


def _until(holds: Any, otherwise: str) -> None:
    deadline = time.monotonic() + RUN_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise CannotTest(f"{otherwise} within {RUN_SECONDS} s")
        time.sleep(1)


def _copy(to: Path) -> Path:
    """Copy the project without what is not part of it, so that your own .env and state stay untouched."""
    shutil.rmtree(to, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)
    print(ensure_env_file(to), flush=True)
    return to


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--real", action="store_true", help="the Docker that is there, the official images")
    parser.add_argument("--only", choices=sorted(STACKS), help="one of the two stacks")
    given = parser.parse_args()
    scratch = Path(os.environ.get("COMPOSE_TEST_HOME") or "/var/tmp/daily-trading-compose-test")
    try:
        with real_engine() if given.real else own_engine(scratch) as engine:
            project = _copy(scratch / "project")
            refuses_empty_secrets(engine, project)
            for name, settings in STACKS.items():
                if given.only in (None, name):
                    began = time.monotonic()
                    with stack(engine, project, settings) as running:
                        up = time.monotonic() - began
                        print(f"{name}: {judge(running, trade(running))}", flush=True)
                    whole = time.monotonic() - began
                    print(f"{name}: healthy after {up:.0f} s, gone after {whole:.0f} s", flush=True)
    except (CannotTest, CannotRun) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
