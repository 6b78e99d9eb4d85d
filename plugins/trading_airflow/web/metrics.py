"""`GET /metrics` for Prometheus."""

from __future__ import annotations

import os

from fastapi import APIRouter, Response

from include.monitoring.metrics import CONTENT_TYPE, render_metrics
from trading_airflow.web import place
from trading_airflow.web.problems import Problem
from trading_airflow.web.settings import WebSettings
from trading_airflow.web.webauth import Anybody, Right, allowed

router = APIRouter(tags=["metrics"])


@router.get("/metrics", summary="Metrics", response_class=Response)
def read_metrics(user: Anybody) -> Response:
    """Return everything there is to measure, as Prometheus reads it.

    To those who may read a strategy's runs, or to everyone where TRADING_WEB_OPEN says so: it names strategies,
    accounts and numbers of orders, nothing secret.
    """
    known = [strategy.dag_id for strategy in place.strategies_if_any()]
    reader = user is not None and bool(allowed(user, Right.READ, known))
    if not reader and "metrics" not in WebSettings(os.environ).open_pages:
        raise Problem(401 if user is None else 403, "Metrics are not open", "log in, or set TRADING_WEB_OPEN=metrics")
    with place.open_ledger() as ledger:
        return Response(render_metrics(ledger), media_type=CONTENT_TYPE)
