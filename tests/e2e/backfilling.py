"""Backfills on a real Airflow: the demo's stack in a folder of its own, and what asks it for backfills."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any
from unittest.mock import patch

import httpx

from include.launcher.airflow import ADMIN, refuse_dead
from include.launcher.demo import Progress, Stack, bring_up
from include.launcher.paths import ROOT
from include.ledger.ledger import Ledger, open_ledger
from include.ledger.records import Run
from include.sandbox.runner import AdminClient
from tests.support.databases import temporary_home

DAG_ID = "daily_trading"
# Paper, so that only being a backfill keeps these runs from sending. Due a minute before the close, so that the run
# that unpausing starts is outside its sending window at every hour.
STRATEGIES = """
strategies:
  - {id: daily_trading, schedule: session+389, mode: paper, sandbox_only: true,
     symbols: [AAPL, MSFT, JPM, XOM, KO], top_n: 2, bottom_n: 2, capital: 100000, max_position_size: 10000}
"""
FINISHED = ("success", "failed")
DAG_TIMEOUT_SECONDS = 300


@dataclass
class Backfills:
    """A running Airflow, its sandbox and its ledger."""

    stack: Stack
    http: httpx.Client
    sandbox: AdminClient

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self.http.request(method, path, json=body)
        if answer.is_error:
            raise ValueError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def by_rest(self, first: date, last: date, **body: Any) -> int:
        """Ask for a backfill over the API and return its id."""
        asked = {
            "dag_id": DAG_ID,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T23:59:59Z",
            "max_active_runs": 8,
            **body,
        }
        return int(self.call("POST", "/api/v2/backfills", asked)["id"])

    def by_command(self, first: date, last: date, *options: str) -> str:
        """Ask for a backfill on the command line and return what that printed."""
        words = ["backfill", "create", "--dag-id", DAG_ID, "--from-date", str(first), "--to-date", f"{last}T23:59:59"]
        return self.run("-m", "airflow", *words, "--max-active-runs", "8", *options)

    def run(self, *words: str) -> str:
        """Run a Python command where the stack's connections are."""
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.stack.env, check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise ValueError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def runs(self, **query: str | int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            parameters = httpx.QueryParams({"limit": 100, "offset": len(found), "order_by": "run_after", **query})
            page = self.call("GET", f"/api/v2/dags/{DAG_ID}/dagRuns?{parameters}")
            found += page["dag_runs"]
            if not page["dag_runs"] or len(found) >= page["total_entries"]:
                return found

    def wait(self, count: int, timeout_seconds: float, **query: str | int) -> list[dict[str, Any]]:
        """Wait until so many runs, by default backfilled ones, and every backfill have ended; return the runs."""
        query = query or {"run_type": "backfill"}
        deadline = time.monotonic() + timeout_seconds
        while True:
            refuse_dead(self.stack.children)
            runs = self.runs(**query)
            states = [run["state"] for run in runs]
            if len(runs) == count and all(state in FINISHED for state in states) and not self._under_way():
                return runs
            if time.monotonic() > deadline:
                raise TimeoutError(f"expected {count} runs to end in {timeout_seconds} s, their states are {states}")
            time.sleep(1)

    def _under_way(self) -> bool:
        """Say whether Airflow still counts a backfill as running, which refuses the next; that lags its last run."""
        found = self.call("GET", f"/api/v2/backfills?dag_id={DAG_ID}&limit=100")["backfills"]
        return any(backfill["completed_at"] is None for backfill in found)

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with open_ledger(self.stack.ledger_url) as ledger:
            yield ledger

    def replays(self, first: date, last: date) -> list[Run]:
        with self.ledger() as ledger:
            return ledger.runs.replays(first, last)

    def posts(self) -> int:
        """Return how many orders were posted to the gateway, whatever became of them."""
        return int(self.sandbox.book()["posts_total"])


@contextmanager
def real_airflow() -> Iterator[Backfills]:
    """Start everything, switch the DAG on, and stop everything at the end."""
    with ExitStack() as opened:
        home = opened.enter_context(temporary_home())
        strategies = home / "strategies.yaml"
        strategies.write_text(STRATEGIES)
        settings = {
            "TRADING_HOME": str(home),
            "TRADING_DEMO_PORTS": "auto",
            "TRADING_STRATEGIES_FILE": str(strategies),
        }
        opened.enter_context(patch.dict(os.environ, settings))
        stack = bring_up(opened, Progress())
        stack.api.log_in()
        deadline = time.monotonic() + DAG_TIMEOUT_SECONDS
        while not stack.api.knows(DAG_ID):
            refuse_dead(stack.children)
            if time.monotonic() > deadline:
                raise TimeoutError(f"Airflow did not find the DAG {DAG_ID} in {DAG_TIMEOUT_SECONDS} s")
            time.sleep(0.5)
        http = opened.enter_context(_http(stack))
        sandbox = AdminClient(f"http://127.0.0.1:{stack.ports.admin}")
        opened.callback(sandbox.close)
        stack.api.unpause(DAG_ID)
        yield Backfills(stack, http, sandbox)


def _http(stack: Stack) -> httpx.Client:
    address = f"http://127.0.0.1:{stack.ports.ui}"
    login = {"username": ADMIN, "password": stack.admin_password}
    token = httpx.post(f"{address}/auth/token", json=login, trust_env=False, timeout=60).json()["access_token"]
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
