"""Signals of a file, a query and a function under the whole DAG, and what Airflow opens for them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select

from include.trading.errors import InvalidData, NotFound
from tests.support.dag_runs import Ended, trade
from tests.support.engine import sandbox_strategy
from tests.support.place import Place
from trading_airflow.outside import open_database, open_object

pytestmark = pytest.mark.usefixtures("metadata")


def a_file(place: Place, folder: Path) -> dict[str, Any]:
    (folder / "weights.csv").write_text("ticker,weight\nAAPL,0.3\nKO,-0.3\n")
    return {"file": {"path": str(folder / "weights.csv"), "dated": {"modified_within_hours": 20}}}


def a_query(place: Place, folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "weights.db")) as database, database:
        database.execute("CREATE TABLE weights (symbol TEXT, weight REAL)")
        database.execute("INSERT INTO weights VALUES ('AAPL', 0.3), ('KO', -0.3)")
    connection = {"conn_type": "sqlite", "host": str(folder / "weights.db")}
    place.monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    query = "SELECT symbol, weight FROM weights WHERE %(as_of_date)s > ''"
    return {"sql": {"connection": "warehouse", "query": query}}


def a_function(place: Place, folder: Path) -> dict[str, Any]:
    (folder / "weights_of_ours.py").write_text("def weights(request):\n    return {'AAPL': 0.3, 'KO': -0.3}\n")
    place.monkeypatch.syspath_prepend(folder)
    return {"python": {"function": "weights_of_ours:weights", "timeout_seconds": 600}}


def result_of(ended: Ended) -> dict[str, Any]:
    """Return what fetch_signals returned."""
    query = select(XComModel.value).filter_by(
        dag_id=ended.run.dag_id, run_id=ended.run.airflow_run_id, task_id="fetch_signals", key="return_value"
    )
    with create_session() as session:
        value = session.scalars(query).one()
    return dict(json.loads(value) if isinstance(value, str) else value)


@pytest.mark.parametrize("source", [a_file, a_query, a_function])
def test_a_whole_run_trades_what_a_source_names_and_says_where_it_came_from(
    place: Place, tmp_path: Path, source: Callable[[Place, Path], dict[str, Any]]
) -> None:
    entry = sandbox_strategy().model_dump(mode="json", exclude_defaults=True, exclude={"symbols"})
    place.trades(entry | {"signals": source(place, tmp_path)})

    ended = trade(place)

    assert (ended.color, ended.run.status, ended.run.error_message) == ("success", "completed", None)
    assert {(order.symbol, order.side) for order in place.orders(ended.run)} == {("AAPL", "buy"), ("KO", "sell")}
    origin = result_of(ended)["source"]
    assert (origin["rows"], len(origin["sha256"])) == (2, 64)
    assert ended.answers["signal_origin"] == origin


def test_a_database_is_opened_by_the_provider_of_its_type(place: Place, ledger_url: str) -> None:
    place.monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", ledger_url)
    place.monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps({"conn_type": "of_no_provider"}))

    with open_database("warehouse") as database, closing(database.cursor()) as cursor:
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchmany(2) == [(1,)]

    with pytest.raises(InvalidData, match="a provider for"):
        open_database("odd")


def test_an_object_is_opened_by_airflow_with_its_connection(place: Place, tmp_path: Path) -> None:
    (tmp_path / "weights.csv").write_text("AAPL,1\n")

    with open_object(f"file://{tmp_path}/weights.csv", "any") as stored:
        assert (stored.content.read(), stored.size) == (b"AAPL,1\n", 7)
        assert stored.modified_at is not None

    with pytest.raises(NotFound, match=r"none\.csv"), open_object(f"file://{tmp_path}/none.csv", "any"):
        raise AssertionError("there is nothing to open")
