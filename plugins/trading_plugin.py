"""The one Airflow plugin: registers the timetable, and loads heavy imports once where task processes fork from."""

from __future__ import annotations

import sys
from importlib import import_module

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk.timezone import utcnow

from include.trading.sessions import trading_calendar
from trading_airflow.timetable import ExchangeSessionTimetable

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

    @classmethod
    def on_load(cls, *args: object, **kwargs: object) -> None:
        # A forked task loads plugins too, with its parent's arguments; there everything is imported already.
        if forks_tasks(sys.argv) and HEAVY_IMPORTS[-1] not in sys.modules:
            for module in HEAVY_IMPORTS:
                import_module(module)
            trading_calendar("XNYS", today=utcnow().date())
