"""The demo's list has a strategy of each kind, and each can be traded."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.adapters.signals.registry import SOURCES
from include.launcher.demo_kinds import FOLDER_SETTING, connections, strategies_with_every_kind
from include.trading.strategy.file import load_strategies
from tests.support.dag_runs import Ended
from tests.support.dags import read_dags
from tests.support.place import Place


def test_the_demos_list_has_a_strategy_of_each_kind_and_a_producer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder"
    file = strategies_with_every_kind(folder)
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(file))
    monkeypatch.setenv(FOLDER_SETTING, str(folder))

    found = load_strategies(strategies_with_every_kind(folder))

    assert found.problems == ()
    assert found.strategies[0].id == "daily_trading"
    assert {strategy.signals.word for strategy in found.strategies} == set(SOURCES)
    (producer,) = read_dags("example_signals.py").values()
    (asset,) = producer.get_task("make_weights").outlets
    waiting = read_dags()["daily_trading__from_event"].get_task("fetch_signals")
    assert [inlet.name for inlet in waiting.inlets] == [asset.name]


def test_the_producer_is_in_no_other_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_SETTING, raising=False)

    assert read_dags("example_signals.py") == {}


@pytest.mark.usefixtures("metadata")
@pytest.mark.parametrize("kind", ["from_file", "from_sql", "from_python"])
def test_a_strategy_of_each_kind_trades(kind: str, place: Place, tmp_path: Path) -> None:
    place.monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(strategies_with_every_kind(tmp_path)))
    for name, value in connections(tmp_path).items():
        place.monkeypatch.setenv(name, value)
    dag = read_dags()[f"daily_trading__{kind}"]
    dag.on_failure_callback = None

    ended = Ended(place, dag.test())

    assert (ended.color, ended.run.status, ended.run.num_orders_filled) == ("success", "completed", 2)
