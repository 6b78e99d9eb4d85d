"""A service that asks to be left alone is left alone for all the time that it asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred

from include.trading.errors import Paused
from tests.support.place import Place
from tests.support.tasks import DagRun
from trading_airflow.operators.orders import MapOrdersOperator, SubmitOrderOperator
from trading_airflow.operators.signals import FetchSignalsOperator

FETCH = FetchSignalsOperator(task_id="fetch_signals", strategy_id="daily_trading")


def deferred(operator: BaseOperator, dag_run: DagRun) -> datetime:
    """Return until when a task gives its slot back."""
    with pytest.raises(TaskDeferred) as found:
        operator.execute(dag_run.context())
    assert isinstance(found.value.trigger, DateTimeTrigger)
    return found.value.trigger.moment


@pytest.mark.parametrize("service", ["signals", "market"])
def test_signals_and_prices_are_not_asked_again_before_their_time(place: Place, service: str) -> None:
    dag_run = DagRun()
    operator: BaseOperator = FETCH
    if service == "market":
        operator = MapOrdersOperator(task_id="map_orders", signals=FETCH.execute(dag_run.context()))
    place.sandbox.admin.fault("rate_limited", service=service, retry_after=300)

    before = datetime.now(UTC)

    assert deferred(operator, dag_run) >= before + timedelta(seconds=300)


def test_a_pause_beyond_the_window_is_told_at_once(place: Place) -> None:
    place.sandbox.admin.fault("rate_limited", service="signals", retry_after=3600)

    with pytest.raises(Paused) as error:
        FETCH.execute(DagRun().context())

    assert error.value.retry_after_seconds == 3600


def test_a_pause_of_the_account_is_looked_at_earlier_because_a_person_may_lift_it(place: Place) -> None:
    dag_run = DagRun()
    order, *_ = MapOrdersOperator(task_id="map_orders", signals=FETCH.execute(dag_run.context())).execute(
        dag_run.context()
    )
    place.sandbox.admin.fault("rate_limited", times=1, retry_after=3600)
    operator = SubmitOrderOperator(task_id="submit_orders", order=order)

    assert deferred(operator, dag_run) < datetime.now(UTC) + timedelta(seconds=60)
