"""The graph of a strategy's DAG, its form, and what a wrong strategies file takes away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.exceptions import ParamValidationError
from airflow.sdk import DAG
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID, _AIRFLOW_PARSING_CONTEXT_TASK_ID
from airflow.serialization.serialized_objects import DagSerialization

from include.trading.errors import InvalidData
from include.trading.strategy.request import RunRequest
from tests.support.dags import ROOT, read_dags, write_strategies
from tests.support.planning import strategy
from trading_airflow.retries import TradingRetryPolicy

TASKS = ("fetch_signals", "map_orders", "submit_orders", "track_fills")
# What a DAG file must not load: tasks import it when they run. Airflow's SDK itself brings httpx along.
HEAVY = ("psycopg", "pandas", "exchange_calendars", "airflow.providers.http", "airflow.providers.postgres", "requests")


@pytest.fixture
def strategies_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "strategies.yaml"
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(path))
    return path


@pytest.fixture
def dag(strategies_file: Path) -> DAG:
    write_strategies(strategies_file, strategy(mode="paper", owner="desk 4", tags=["momentum"], title="Momentum"))
    return read_dags()["daily_trading"]


def as_json(dag: DAG) -> str:
    return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)


def test_reading_the_dag_file_loads_nothing_heavy() -> None:
    code = (
        "import sys, runpy\n"
        "import airflow.sdk as sdk; sdk.DAG, sdk.Param, sdk.BaseOperator, sdk.RetryPolicy\n"
        "before = set(sys.modules)\n"
        "runpy.run_path('dags/daily_trading.py')\n"
        "print('loaded:', *set(sys.modules) - before)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )

    loaded = set(done.stdout.rpartition("loaded:")[2].split())
    assert "trading_airflow.operators.orders" in loaded
    assert {name for name in loaded if name == "httpx" or name.startswith(HEAVY)} == set()


@pytest.mark.parametrize(
    ("file", "dag_ids"),
    [
        ("strategies.yaml", ["daily_trading"]),
        ("demo_strategies.yaml", ["daily_trading", "daily_trading__what_if"]),
    ],
)
def test_the_shipped_files_make_the_dag_daily_trading(
    file: str, dag_ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(ROOT / "include" / "config" / file))

    assert list(read_dags()) == dag_ids
    assert read_dags("strategies_file_problems.py") == {}


def test_without_a_setting_the_shipped_file_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADING_STRATEGIES_FILE", raising=False)

    (shipped,) = read_dags().values()

    assert shipped.tags == {"trading", "plan"}
    assert shipped.timetable.summary == "XNYS sessions, at the open"


def test_two_readings_make_the_same_dag(dag: DAG) -> None:
    assert as_json(read_dags()["daily_trading"]) == as_json(dag)


def test_a_serialized_dag_keeps_tasks_and_retries(dag: DAG) -> None:
    restored = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert set(restored.task_ids) == set(TASKS)
    assert all(task.retries == 3 and task.has_retry_policy for task in restored.tasks)


def test_the_four_tasks_follow_one_another_and_tracking_waits_for_every_order(dag: DAG) -> None:
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}

    assert upstream == {
        "fetch_signals": set(),
        "map_orders": {"fetch_signals"},
        "submit_orders": {"map_orders"},
        "track_fills": {"map_orders", "submit_orders"},
    }


def test_tracking_runs_whatever_happened_before_and_the_others_only_after_success(dag: DAG) -> None:
    rules = {task.task_id: task.trigger_rule.value for task in dag.tasks}

    assert rules == dict.fromkeys(TASKS, "all_success") | {"track_fills": "all_done"}


def test_submitting_is_mapped_and_nothing_else(dag: DAG) -> None:
    assert [task.task_id for task in dag.tasks if task.is_mapped] == ["submit_orders"]
    assert dag.get_task("submit_orders").map_index_template == "{{ label }}"


def test_the_dag_says_what_it_is_and_whose(dag: DAG) -> None:
    assert dag.tags == {"trading", "paper", "momentum"}
    assert dag.dag_display_name == "Momentum"
    assert {task.owner for task in dag.tasks} == {"desk 4"}
    assert "python -m include.ops halt" in dag.doc_md
    assert all(f"| {task} |" in dag.doc_md for task in TASKS)


def test_a_run_that_hangs_does_not_keep_the_next_from_starting(dag: DAG) -> None:
    assert dag.max_active_runs > 1
    assert not dag.catchup
    assert not any(task.depends_on_past or task.wait_for_downstream for task in dag.tasks)


def test_tasks_are_retried_after_five_ten_and_twenty_minutes(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.retries == 3
        assert task.retry_delay == timedelta(minutes=5)  # of a task that was killed, which the policy never sees
        assert isinstance(task.retry_policy, TradingRetryPolicy)
        assert task.retry_policy.serialize()["minutes"] == [5, 10, 20]


def test_the_waits_between_tries_are_a_setting(dag: DAG, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_RETRY_MINUTES", "1,2")

    task = read_dags()["daily_trading"].get_task("map_orders")

    assert (task.retries, task.retry_delay) == (2, timedelta(minutes=1))
    assert task.retry_policy.serialize()["minutes"] == [1, 2]


def test_a_wrong_setting_is_an_import_error_that_names_it(dag: DAG, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_RETRY_MINUTE", "1")

    with pytest.raises(InvalidData, match="setting TRADING_RETRY_MINUTE is not known"):
        read_dags()


def test_the_form_has_every_param_of_a_request_with_a_description(dag: DAG) -> None:
    params = {name: dag.params.get_param(name) for name in dag.params}

    assert set(params) == set(RunRequest.model_fields)
    assert all(param.description for param in params.values())
    # Sections start folded up; what a person asks for most is in none.
    unfolded = {name for name, param in params.items() if "section" not in param.schema}
    assert unfolded >= {"symbols", "capital", "mode"}


def test_the_form_left_alone_is_valid_and_asks_for_nothing_special(dag: DAG) -> None:
    dag.params.validate()

    assert RunRequest.from_params(dag.params.dump()) == RunRequest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("symbols", ["NVDA"]),
        ("symbols", ["AAPL "]),
        ("symbols", []),
        ("symbols", ["AAPL", "AAPL"]),
        ("symbols", "AAPL"),
        ("capital", -1),
        ("capital", 0),
        ("capital", 100_000.01),
        ("max_position_size", 100_001),
        ("mode", "live"),
        ("mode", "papre"),
        ("revision", 0),
        ("revision", 1.5),
        ("revision", 10_000),
        ("capital", 0.004),
        ("capital", "5000"),
        ("reason", "two\nlines"),
        ("session_date", "20-11-2026"),
        ("session_date", "2026-02-30"),
        ("as_of_date", "yesterday"),
        ("flatten", "yes"),
    ],
)
def test_the_form_refuses_nonsense_and_what_the_strategy_does_not_allow(dag: DAG, name: str, value: object) -> None:
    form = DagSerialization.from_dict(DagSerialization.to_dict(dag)).params

    with pytest.raises(ParamValidationError, match=f"Invalid input for param {name}"):
        form.deep_merge({name: value}).validate()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("symbols", ["AAPL", "TSLA"]),
        ("capital", 100_000),
        ("max_position_size", 0.01),
        ("mode", "replay"),
        ("mode", "paper"),
        ("revision", 2),
        ("session_date", "2026-11-20"),
        ("flatten", True),
        ("mode", None),
        ("revision", 1.0),
        ("capital", 5000.255),
        ("reason", "the model is wrong"),
    ],
)
def test_the_form_takes_what_is_narrower(dag: DAG, name: str, value: object) -> None:
    form = DagSerialization.from_dict(DagSerialization.to_dict(dag)).params

    assert form.deep_merge({name: value}).validate()[name] == value


def in_task(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> dict[str, DAG]:
    """Read the DAG file as a new process does that is about to run a task of a DAG."""
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, dag_id)
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_TASK_ID, "map_orders")
    return read_dags()


def test_a_task_reads_its_own_dag_without_the_form(strategies_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_strategies(strategies_file, strategy(symbols=["AAPL", "MSFT"]), strategy(id="energy", symbols=["XOM", "CVX"]))
    whole = read_dags()

    read = in_task(monkeypatch, "daily_trading__energy")

    assert (set(whole), set(read)) == ({"daily_trading", "daily_trading__energy"}, {"daily_trading__energy"})
    dag = read["daily_trading__energy"]
    assert (set(whole[dag.dag_id].params), set(dag.params)) == (set(RunRequest.model_fields), set())
    dag.params = whole[dag.dag_id].params
    for task_id in dag.task_ids:
        dag.get_task(task_id).params = whole[dag.dag_id].get_task(task_id).params
    assert as_json(dag) == as_json(whole[dag.dag_id])


def test_the_graph_of_a_run_is_that_of_its_dag_bundles_version(
    dag: DAG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older.py"
    text = (ROOT / "dags" / "daily_trading.py").read_text()
    older.write_text(text.replace('task_id="track_fills"', 'task_id="follow_fills"'))
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, dag.dag_id)
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_TASK_ID, "map_orders")

    (pinned,) = read_dags(str(older)).values()

    assert set(dag.task_ids) - set(pinned.task_ids) == {"track_fills"}
    assert set(pinned.task_ids) - set(dag.task_ids) == {"follow_fills"}


def test_each_strategy_has_a_dag_of_its_own(strategies_file: Path) -> None:
    write_strategies(
        strategies_file,
        strategy(id="daily_trading", symbols=["AAPL", "MSFT"]),
        strategy(id="energy", symbols=["XOM", "CVX"], schedule="session+15", mode="dry_run"),
        strategy(id="by_hand", symbols=["KO", "PEP"], schedule=None),
    )

    dags = read_dags()

    assert set(dags) == {"daily_trading", "daily_trading__energy", "daily_trading__by_hand"}
    assert dags["daily_trading__energy"].timetable.summary == "XNYS sessions, 15 min after the open"
    assert dags["daily_trading__energy"].get_task("fetch_signals").strategy_id == "energy"
    assert dags["daily_trading__by_hand"].schedule is None
    assert read_dags("strategies_file_problems.py") == {}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"capitol": 5}, "strategy energy: capitol"),
        ({"capital": -5}, "strategy energy: capital"),
        ({"symbols": ["XOM", "C VX"]}, "strategy energy: symbols.*'C VX'"),
        ({"symbols": ["AAPL", "CVX"]}, "strategy energy: symbols.*AAPL"),
    ],
    ids=["unknown key", "negative capital", "symbol with a space", "another strategy's symbol"],
)
def test_an_invalid_entry_takes_only_its_own_dag_and_is_named(
    strategies_file: Path, entry: dict[str, object], words: str
) -> None:
    energy = strategy(id="energy", symbols=["XOM", "CVX"]).model_dump(mode="json", exclude_defaults=True) | entry
    write_strategies(strategies_file, strategy(symbols=["AAPL", "MSFT"]), energy)

    assert set(read_dags()) == {"daily_trading"}
    with pytest.raises(InvalidData, match=words):
        read_dags("strategies_file_problems.py")


def test_a_file_that_is_no_strategies_file_is_an_import_error(strategies_file: Path) -> None:
    strategies_file.write_text("strategies: daily_trading")

    with pytest.raises(InvalidData, match="expected a list under `strategies`"):
        read_dags()


def test_there_are_books_for_each_exchange_and_for_a_broken_file_too(strategies_file: Path) -> None:
    london = strategy(id="london", calendar="XLON", symbols=["SHEL", "BP"])
    write_strategies(strategies_file, strategy(mode="paper"), london)
    assert list(read_dags("daily_books.py")) == ["daily_books__xlon", "daily_books"]

    strategies_file.write_text("strategies: [")

    (books,) = read_dags("daily_books.py").values()
    assert books.dag_id == "daily_books"
    assert [task.task_id for task in books.tasks] == ["accounts", "close_books"]
    assert books.is_paused_upon_creation is False
