"""The one Airflow plugin: timetable, API and pages; loads imports and makes DAGs once where tasks fork from."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

import structlog
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.timezone import utcnow

from include.trading.errors import InvalidData
from include.trading.sessions import trading_calendar
from trading_airflow import listener
from trading_airflow.timetable import ExchangeSessionTimetable
from trading_airflow.web.views import EXTERNAL_VIEWS

if TYPE_CHECKING:
    from include.trading.strategy import Strategy

log = structlog.get_logger(__name__)

# `airflow scheduler` (LocalExecutor) and `airflow celery worker` fork a process per task. What they have imported is
# free there; each task would otherwise pay for it again: up to four seconds for the libraries, a tenth for our own.
# A Celery worker loads plugins before it forks only with `[core] lazy_load_plugins` off.
FORKS_TASKS = (["scheduler"], ["celery", "worker"])
PRELOADED = (
    "exchange_calendars",
    "yaml",
    "airflow.providers.apprise.hooks.apprise",
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.triggers.temporal",
    "airflow.sdk.execution_time.cache",
    "include.execution.alarming",
    "include.execution.closing",
    "include.execution.flips",
    "include.execution.mapping",
    "include.execution.sending",
    "include.execution.signals",
    "include.execution.submit",
    "include.execution.tracking",
    "include.execution.watchdog",
    "include.services.heartbeat",
    "include.services.notifications",
    "include.trading.narrowing",
    "include.trading.strategies_file",
    "trading_airflow.daily_dag",
    "trading_airflow.hooks.execution_gateway",
    "trading_airflow.hooks.ledger",
    "trading_airflow.hooks.market_data",
    "trading_airflow.hooks.signal_service",
    "trading_airflow.operators.watchdog",
)


def forks_tasks(arguments: list[str]) -> bool:
    """Say whether a process started with these arguments (sys.argv) forks task processes."""
    return any(arguments[1 : 1 + len(command)] == command for command in FORKS_TASKS)


def rehearse() -> None:
    """Make what every task needs and Python keeps once it is made; a task that finds nothing makes it itself."""
    from airflow.sdk.log import mask_secret
    from psycopg.sql import Literal

    from include.execution.settings import settings_from
    from include.trading.strategies_file import load_strategies
    from trading_airflow.strategies import strategies_path

    trading_calendar("XNYS", today=utcnow().date())
    # What is wrong with them is told where the DAGs are made from them.
    with suppress(InvalidData):
        settings = settings_from(os.environ)
        for strategy in load_strategies(strategies_path()).strategies:
            make_dag(strategy, settings.retry_minutes)
    # A contract's name is too short to be masked as a secret: Airflow warns of it once a process, which was every task.
    mask_secret("v2", "contract")
    # The pattern that arrays are quoted by.
    Literal([""]).as_bytes()
    rehearse_login()


def rehearse_login() -> None:
    """Fail to connect, and make a password's secret: what libpq and OpenSSL look for and bind at their first use.

    Nobody is asked: the folder of the socket is not there, and an address in PGHOSTADDR does not count.
    """
    import psycopg
    from psycopg.pq import PGconn

    nowhere = "host=/nonexistent hostaddr='' user=nobody"
    with suppress(psycopg.Error):
        psycopg.connect(nowhere).close()
    connection = PGconn.connect_start(nowhere.encode())
    with suppress(psycopg.Error):
        connection.encrypt_password(b"any", b"nobody", b"scram-sha-256")
    connection.finish()


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
    timetables = [ExchangeSessionTimetable]  # noqa: RUF012 - Airflow's own declaration
    external_views = EXTERNAL_VIEWS
    listeners = [listener]  # noqa: RUF012 - Airflow's own declaration

    # Properties, because only the API server asks for them: no other process imports the web app.
    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        from trading_airflow.web.apps import fastapi_apps

        return fastapi_apps()

    @property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:
        from trading_airflow.web.apps import root_middlewares

        return root_middlewares()

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        # A forked task loads plugins too, with its parent's arguments; there everything is imported already.
        if forks_tasks(sys.argv) and PRELOADED[-1] not in sys.modules:
            for module in PRELOADED:
                import_module(module)
            rehearse()
