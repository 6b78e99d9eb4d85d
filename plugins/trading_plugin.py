"""The one Airflow plugin: timetable, API and pages; loads imports once where tasks are forked from."""

from __future__ import annotations

import sys
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from trading_airflow import listener, warmup
from trading_airflow.timetable import ExchangeCloseTimetable, ExchangeCronTimetable, ExchangeSessionTimetable
from trading_airflow.web.views import EXTERNAL_VIEWS


class TradingPlugin(AirflowPlugin):
    name = "trading"
    timetables = [ExchangeSessionTimetable, ExchangeCloseTimetable, ExchangeCronTimetable]  # noqa: RUF012 - Airflow's own declaration
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
