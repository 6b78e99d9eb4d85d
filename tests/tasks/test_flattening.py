"""A run that flattens needs the ledger and the venue, and no other connection."""

from __future__ import annotations

from typing import Any

import pytest

from include.trading.errors import NotFound
from tests.support.place import Place
from tests.support.tasks import DagRun, http_connection
from trading_airflow.operators.fills import TrackFillsOperator
from trading_airflow.operators.orders import MapOrdersOperator, SubmitOrderOperator
from trading_airflow.operators.signals import FetchSignalsOperator


def trade(dag_run: DagRun, **params: Any) -> dict[str, Any]:
    signals = FetchSignalsOperator(task_id="fetch_signals", strategy_id="daily_trading").execute(
        dag_run.context(**params)
    )
    for order in MapOrdersOperator(task_id="map_orders", signals=signals).execute(dag_run.context()):
        SubmitOrderOperator(task_id="submit_orders", order=order).execute(dag_run.context())
    result: dict[str, Any] = TrackFillsOperator(task_id="track_fills", orders=[]).execute(dag_run.context())
    return result


@pytest.mark.parametrize("wrong", ["gone", "misconfigured"])
def test_everything_is_closed_without_the_connections_of_signals_and_prices(place: Place, wrong: str) -> None:
    assert trade(DagRun())["status"] == "completed"
    for name in ("AIRFLOW_CONN_SIGNAL_SERVICE", "AIRFLOW_CONN_MARKET_DATA"):
        if wrong == "gone":
            place.monkeypatch.delenv(name)
        else:
            place.monkeypatch.setenv(name, http_connection(place.sandbox.signals_url, contract="v9", verify=7))

    assert trade(DagRun("manual__2"), flatten=True, revision=2, reason="out")["status"] == "completed"

    assert not any(place.sandbox.admin.book()["positions"].values())


def test_any_other_run_says_which_connection_it_lacks(place: Place) -> None:
    place.monkeypatch.delenv("AIRFLOW_CONN_MARKET_DATA")

    with pytest.raises(NotFound, match="connection 'market_data' does not exist"):
        trade(DagRun())
