"""Pairs of runs on a real Airflow, ours and the no-op's in turn, so that what else the machine does meets both."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import pairwise
from statistics import median
from typing import Any

from include.trading.run.row import Run
from tests.bench.queries import logged_queries
from tests.bench.results import (
    BETWEEN,
    FETCH,
    MAP,
    SUBMIT_ALL,
    SUBMIT_ONE,
    TRACK,
    WHOLE,
    AirflowResult,
    Pair,
    Queries,
    Seconds,
)
from tests.bench.stack import NOOP, OURS, BenchStack, Ended, bench_stack

TASKS = ("fetch_signals", "map_orders", "submit_orders", "track_fills")
# A worker may stay blocked for a heartbeat, which is a second, after its task ended: that must not meet the next run.
SETTLE_SECONDS = 2
# The first runs find cold caches: seconds, which a run of several minutes does not notice.
WARMED_UP_TO = 50


def measure(orders: int, pairs: int, query_runs: int = 0) -> AirflowResult:
    """Time so many pairs, up to 50 orders after one that is not counted.

    query_runs: then so many runs of ours whose SQL is counted; they are not timed.
    Raises Incomplete for a run that did not fill every order.
    """
    with bench_stack(orders) as stack:
        if orders <= WARMED_UP_TO:
            _pair(stack)
        found = []
        for number in range(1, pairs + 1):
            found.append(_pair(stack))
            print(f"  pair {number} of {pairs}: {_told(found[-1])}", flush=True)
        return AirflowResult(orders, found, [_queries(stack) for _ in range(query_runs)])


def _told(pair: Pair) -> str:
    return f"ours {pair.ours[WHOLE]:.2f} s, no-op {pair.noop[WHOLE]:.2f} s"


def _pair(stack: BenchStack) -> Pair:
    ours = stack.run(OURS)
    own = _own(stack, ours, stack.completed(ours))
    stack.flatten()
    time.sleep(SETTLE_SECONDS)
    noop = stack.run(NOOP)
    time.sleep(SETTLE_SECONDS)
    return Pair(_seconds(ours), _seconds(noop), own)


def _queries(stack: BenchStack) -> dict[str, Queries]:
    with logged_queries(stack) as counted:
        ended = stack.run(OURS)
    stack.completed(ended)
    stack.flatten()
    time.sleep(SETTLE_SECONDS)
    return counted


def _seconds(ended: Ended) -> Seconds:
    """Return the times of a run by MEASURES."""
    by_task = {task_id: [task for task in ended.tasks if task["task_id"] == task_id] for task_id in TASKS}
    spans = {task_id: _span(tasks) for task_id, tasks in by_task.items()}
    return {
        WHOLE: ended.seconds,
        FETCH: spans["fetch_signals"],
        MAP: spans["map_orders"],
        SUBMIT_ALL: spans["submit_orders"],
        SUBMIT_ONE: median(_span([task]) for task in by_task["submit_orders"]),
        TRACK: spans["track_fills"],
        BETWEEN: ended.seconds - sum(spans.values()),
    }


def _span(tasks: Iterable[dict[str, Any]]) -> float:
    tasks = list(tasks)
    began, ended = min(task["start_date"] for task in tasks), max(task["end_date"] for task in tasks)
    return float((ended - began).total_seconds())


def _own(stack: BenchStack, ended: Ended, run: Run) -> Seconds:
    """Return, for each task, what came before its row in the ledger, what it did, and what came after.

    Before: forking, parsing the DAG file, connecting. After: leaving, and reporting to Airflow. Of `submit_orders` the
    median of its tasks.
    """
    with stack.engine.ledger() as ledger:
        steps = ledger.connection.execute(
            "SELECT step, symbol, started_at, ended_at FROM run_steps WHERE run_id = %(run_id)s",
            {"run_id": run.run_id},
        ).fetchall()
    rows = {(step["step"], step["symbol"]): step for step in steps}
    found: dict[str, list[tuple[float, float, float]]] = {task_id: [] for task_id in TASKS}
    for task in ended.tasks:
        # A mapped task's label begins with its symbol.
        symbol = task["rendered_map_index"].split()[0] if task["map_index"] >= 0 else None
        row = rows[task["task_id"], symbol]
        moments = (task["start_date"], row["started_at"], row["ended_at"], task["end_date"])
        before, work, after = ((later - sooner).total_seconds() for sooner, later in pairwise(moments))
        found[task["task_id"]].append((before, work, after))
    return {
        f"`{task_id}`, {part}": median(parts[place] for parts in found[task_id])
        for task_id in TASKS
        for place, part in enumerate(("until its row in the ledger", "its work", "after it"))
    }
