"""The pages: HTML shells that Airflow shows in a frame; their scripts fetch the data from the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trading_airflow.web import place
from trading_airflow.web.results import API_PREFIX, base_path
from trading_airflow.web.views import PREFIX
from trading_airflow.web.webauth import Anybody

HERE = Path(__file__).parent
STATIC = HERE / "static"

router = APIRouter()
_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


@router.get("/pages/overview")
def overview(request: Request, user: Anybody) -> HTMLResponse:
    """The nav page."""
    return _page(request, user, "overview.html")


@router.get("/pages/run")
def run(request: Request, user: Anybody, dag_id: str = "", run_id: str = "") -> HTMLResponse:
    """The tab of a DAG run, whichever DAG's: on one that is not ours it says so."""
    ours = dag_id in {strategy.dag_id for strategy in place.strategies_if_any()}
    return _page(request, user, "run.html", dag_id=dag_id, airflow_run_id=run_id, ours="yes" if ours else "no")


def _page(request: Request, user: Any, template: str, **values: str) -> HTMLResponse:
    base = base_path(request)
    if user is None:
        template = "login.html"
    html = _templates.get_template(template).render(
        base=base, api=f"{base}{API_PREFIX}", static=f"{base}{PREFIX}/static", **values
    )
    return HTMLResponse(html, status_code=401 if user is None else 200)
