"""The one Airflow plugin: timetable, API and pages; loads imports and makes DAGs once where tasks fork from."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from airflow.plugins_manager import AirflowPlugin

from include.trading.errors import InvalidData
from trading_airflow import listener, warmup
from trading_airflow.timetable import ExchangeCronTimetable, ExchangeSessionTimetable
from trading_airflow.web.views import EXTERNAL_VIEWS

if TYPE_CHECKING:
    from include.trading.strategy.spec import Strategy

log = structlog.get_logger(__name__)


def make_dags() -> None:
    """Make every strategy's DAG as its tasks will take it; a task that finds none makes it itself."""
    from include.execution.settings import settings_from
    from include.trading.strategy.file import load_strategies
    from trading_airflow.strategies import strategies_path

    # What is wrong with them is told where the DAGs are made from them.
    with suppress(InvalidData):
        settings = settings_from(os.environ)
        for strategy in load_strategies(strategies_path()).strategies:
            make_dag(strategy, settings.retry_minutes)


def make_dag(strategy: Strategy, retry_minutes: tuple[float, ...]) -> None:
    """Make the DAG that the strategy's tasks will take, and render a label with it."""
    from jinja2 import UndefinedError

    from trading_airflow.daily_dag import dag_of_task

    try:
        dag = dag_of_task(strategy, retry_minutes)
        # Airflow renders a mapped task's label before there is one: the parser, and what it takes to fail.
        with suppress(UndefinedError):
            dag.get_template_env().from_string("{{ label }}").render()
    except Exception:
        # Airflow drops a plugin that fails while it loads, and with it the timetable of every strategy.
        log.exception("no DAG made in advance: its tasks make it themselves", strategy=strategy.id)


class TradingPlugin(AirflowPlugin):
    name = "trading"
    timetables = [ExchangeSessionTimetable, ExchangeCronTimetable]  # noqa: RUF012 - Airflow's own declaration
    external_views = EXTERNAL_VIEWS
    listeners = [listener]  # noqa: RUF012 - Airflow's own declaration

    # Properties, because only the API server asks for them: no other process imports the web app.
    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow declares a plain list
        from trading_airflow.web.apps import fastapi_apps

        return fastapi_apps()

    @property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]
        from trading_airflow.web.apps import root_middlewares

        return root_middlewares()

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        if warmup.forks_tasks(sys.argv) and not warmup.is_warm():
            warmup.warm_up()
            make_dags()
