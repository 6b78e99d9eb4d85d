"""The one Airflow plugin: timetable, API and pages; loads heavy imports once where task processes fork from."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.timezone import utcnow

from include.trading.sessions import trading_calendar
from trading_airflow import listener
from trading_airflow.timetable import ExchangeSessionTimetable
from trading_airflow.web.views import EXTERNAL_VIEWS

# `airflow scheduler` (LocalExecutor) and `airflow celery worker` fork a process per task. What they have imported is
# free there; each task would otherwise pay for it again, up to four seconds.
FORKS_TASKS = (["scheduler"], ["celery", "worker"])
HEAVY_IMPORTS = (
    "httpx",
    "psycopg",
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "exchange_calendars",
)


def forks_tasks(arguments: list[str]) -> bool:
    """Say whether a process started with these arguments (sys.argv) forks task processes."""
    return any(arguments[1 : 1 + len(command)] == command for command in FORKS_TASKS)


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
        if forks_tasks(sys.argv) and HEAVY_IMPORTS[-1] not in sys.modules:
            for module in HEAVY_IMPORTS:
                import_module(module)
            trading_calendar("XNYS", today=utcnow().date())
