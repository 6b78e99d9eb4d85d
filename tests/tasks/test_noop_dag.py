"""The benchmark's no-op DAG stays of the shape of ours: what is compared must be comparable."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pytest
from airflow.sdk import DAG

from tests.bench.stack import NOOP_FILE
from tests.bench.strategies import entry
from tests.support.dags import read_dags
from tests.support.place import Place
from tests.support.tasks import DagRun
from trading_airflow.operators.fills import TrackFillsOperator
from trading_airflow.operators.orders import MapOrdersOperator, SubmitOrderOperator
from trading_airflow.operators.signals import FetchSignalsOperator

ORDERS = 5


@pytest.fixture
def noop(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("BENCH_ORDERS", str(ORDERS))
    return runpy.run_path(str(NOOP_FILE))


def shape(dag: DAG) -> dict[str, Any]:
    return {
        task.task_id: (
            task.upstream_task_ids,
            task.is_mapped,
            task.trigger_rule,
            task.retries,
            task.retry_delay,
            tuple(task.template_fields),
            getattr(task, "map_index_template", None),
        )
        for task in dag.tasks
    }


def form(value: Any) -> Any:
    """The keys and types of a value, without what it says."""
    if isinstance(value, dict):
        return {key: form(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [form(inner) for inner in value]
    return type(value)


def test_the_no_op_has_our_tasks_in_our_order(place: Place, noop: dict[str, Any]) -> None:
    # As the benchmark runs it: with the waits that are shipped.
    place.monkeypatch.delenv("TRADING_RETRY_MINUTES")
    (ours,) = read_dags().values()

    assert shape(noop["dag"]) == shape(ours)
    assert noop["dag"].max_active_runs == ours.max_active_runs


def test_the_no_op_passes_xcoms_of_our_form_and_length(place: Place, noop: dict[str, Any]) -> None:
    place.trades(entry(ORDERS))
    run = DagRun()

    ours, theirs = [], []
    signals = FetchSignalsOperator(task_id="fetch_signals", strategy_id="daily_trading").execute(run.context())
    orders = MapOrdersOperator(task_id="map_orders", signals=signals).execute(run.context())
    ours += [signals, orders]
    ours += [SubmitOrderOperator(task_id="submit_orders", order=order).execute(run.context()) for order in orders]
    ours.append(TrackFillsOperator(task_id="track_fills", orders=orders).execute(run.context()))
    signals = noop["Fetch"](task_id="fetch_signals").execute(run.context())
    orders = noop["Map"](task_id="map_orders", signals=signals).execute(run.context())
    theirs += [signals, orders]
    theirs += [noop["Submit"](task_id="submit_orders", order=order).execute(run.context()) for order in orders]
    theirs.append(noop["Track"](task_id="track_fills", orders=orders).execute(run.context()))

    assert form(theirs) == form(ours)
    lengths = [(len(json.dumps(their)), len(json.dumps(our))) for their, our in zip(theirs, ours, strict=True)]
    assert [pair for pair in lengths if not 0.8 < pair[0] / pair[1] < 1.25] == []
