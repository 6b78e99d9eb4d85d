"""Backfills on a real Airflow: what asks for them, and what they left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import httpx

from include.launcher.paths import ROOT
from include.trading.run.row import Run
from tests.e2e.live import FINISHED, Live, until

DAG_ID = "daily_trading__backfilled"


@dataclass
class Backfills:
    """Backfills of one DAG, whose strategy would trade: only being a backfill keeps its runs from it."""

    live: Live
    dag_id: str = DAG_ID

    def switch_on(self) -> None:
        """Unpause the DAG, which also starts the run of the latest session."""
        until(lambda: self.live.stack.api.knows(self.dag_id), f"the DAG {self.dag_id}")
        self.live.stack.api.unpause(self.dag_id)

    def by_rest(self, first: date, last: date, **body: Any) -> None:
        """Ask for a backfill over the API."""
        asked = {
            "dag_id": self.dag_id,
            "from_date": f"{first}T00:00:00Z",
            "to_date": f"{last}T23:59:59Z",
            "max_active_runs": 8,
            **body,
        }
        self.live.call("POST", "/api/v2/backfills", asked)

    def by_command(self, first: date, last: date) -> None:
        """Ask for a backfill on the command line."""
        days = ["--from-date", str(first), "--to-date", f"{last}T23:59:59"]
        words = ["backfill", "create", "--dag-id", self.dag_id, *days]
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *words, "--max-active-runs", "8"],
            cwd=ROOT,
            env=self.live.stack.env,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise ValueError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")

    def runs(self, run_type: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            query = httpx.QueryParams({"limit": 100, "offset": len(found), "order_by": "id", "run_type": run_type})
            page = self.live.call("GET", f"/api/v2/dags/{self.dag_id}/dagRuns?{query}")
            found += page["dag_runs"]
            if not page["dag_runs"] or len(found) >= page["total_entries"]:
                return found

    def wait(self, count: int, timeout_seconds: float, run_type: str = "backfill") -> list[dict[str, Any]]:
        """Wait until so many runs, and every backfill, have ended; return the runs."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            runs = self.runs(run_type)
            states = [run["state"] for run in runs]
            if len(runs) == count and all(state in FINISHED for state in states) and not self._under_way():
                return runs
            if time.monotonic() > deadline:
                raise TimeoutError(f"expected {count} runs to end in {timeout_seconds} s, their states are {states}")
            time.sleep(1)

    def _under_way(self) -> bool:
        """Say whether Airflow still counts a backfill as running, which refuses the next; that lags its last run."""
        found = self.live.call("GET", f"/api/v2/backfills?dag_id={self.dag_id}&limit=100")["backfills"]
        return any(backfill["completed_at"] is None for backfill in found)

    def ledger_runs(self, airflow_run_id: str) -> list[Run]:
        """Return the ledger's rows of one DAG run: its own and, once it was reprocessed, the backfill's."""
        # Two DAGs that are due at the same moment have runs of the same name.
        named = (self.dag_id, airflow_run_id)
        with self.live.ledger() as ledger:
            return [run for run in ledger.runs.latest(1000) if (run.dag_id, run.airflow_run_id) == named]

    def replays(self, first: date, last: date) -> list[Run]:
        with self.live.ledger() as ledger:
            return [run for run in ledger.runs.replays(first, last) if run.dag_id == self.dag_id]

    def rows(self, first: date, last: date) -> list[Mapping[str, Any]]:
        """Return what the replays decided, by session and symbol, without what names the row."""
        runs = self.replays(first, last)
        with self.live.ledger() as ledger:
            found = ledger.runs.mappings_of([run.run_id for run in runs])
        named = ("id", "run_id", "created_at", "updated_at")
        return [
            {name: value for name, value in row.items() if name not in named} | {"session": run.session_date}
            for run in runs
            for row in found[run.run_id]
        ]

    def shadows(self, first: date, last: date) -> list[Mapping[str, Any]]:
        """Return what the shadows of the replays would have held, by session and model."""
        days = {run.run_id: run.session_date for run in self.replays(first, last)}
        with self.live.ledger() as ledger:
            found = ledger.plan_inputs.shadows(list(days))
        rows = [
            {"session": days[row["run_id"]]} | {name: row[name] for name in row if name != "run_id"} for row in found
        ]
        return sorted(rows, key=lambda row: (row["session"], row["model"]))

    def weights(self, first: date, last: date) -> dict[date, dict[str, Decimal]]:
        """Return the weights that the replays were told, by their as_of_date."""
        days = {run.session_date: run.as_of_date for run in self.replays(first, last)}
        found: dict[date, dict[str, Decimal]] = {day: {} for day in days.values()}
        for row in self.rows(first, last):
            found[days[row["session"]]][row["symbol"]] = row["signal_weight"]
        return found

    def posts(self) -> int:
        """Return how many orders were posted to the gateway since the sandbox's start, whatever became of them.

        Without the one POST of each order that the scheduler's own runs of DAGs for backfills planned: switched on in
        the hours of a day that closes early, such a DAG has one, and that one may trade.
        """
        posted: dict[str, int] = self.live.sandbox.book()["posts_by_id"]
        with self.live.ledger() as ledger:
            plans = {
                run.plan_id
                for run in ledger.runs.latest(10_000)
                if run.dag_id.startswith(DAG_ID) and run.run_type == "scheduled" and run.plan_id is not None
            }
            own = {intent.client_order_id for plan_id in plans for intent in ledger.orders.of_plan(plan_id)}
        return sum(times - (id in own) for id, times in posted.items())
