"""The pages: HTML shells that Airflow shows in a frame; their scripts fetch the data from the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from include.trading.calendar.exchanges import exchange
from trading_airflow.web import place
from trading_airflow.web.results import API_PREFIX, base_path
from trading_airflow.web.views import PREFIX
from trading_airflow.web.webauth import Anybody

HERE = Path(__file__).parent
STATIC = HERE / "static"

TABS = (("today", "Today"), ("strategy", "Strategy"), ("account", "Account"), ("symbol", "Symbol"))
DEFAULT_CALENDAR = "XNYS"

router = APIRouter()
_templates = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)


@router.get("/pages/today")
def today(request: Request, user: Anybody) -> HTMLResponse:
    """The nav page."""
    return _page(request, user, "today")


@router.get("/pages/strategy")
def strategy(request: Request, user: Anybody) -> HTMLResponse:
    """One strategy's result; its script reads which from the address, the first where it names none."""
    return _page(request, user, "strategy")


@router.get("/pages/account")
def account(request: Request, user: Anybody) -> HTMLResponse:
    """One account's books."""
    return _page(request, user, "account")


@router.get("/pages/symbol")
def symbol(request: Request, user: Anybody) -> HTMLResponse:
    """One symbol over time."""
    return _page(request, user, "symbol")


@router.get("/pages/run")
def run(request: Request, user: Anybody, dag_id: str = "", run_id: str = "") -> HTMLResponse:
    """The tab of a DAG run, whichever DAG's: on one that is not ours it says so."""
    ours = dag_id in {strategy.dag_id for strategy in place.strategies_if_any()}
    return _page(request, user, "run", dag_id=dag_id, airflow_run_id=run_id, ours="yes" if ours else "no")


def _page(request: Request, user: Any, name: str, **values: str) -> HTMLResponse:
    base = base_path(request)
    html = _templates.get_template("login.html" if user is None else f"{name}.html").render(
        base=base,
        api=f"{base}{API_PREFIX}",
        static=f"{base}{PREFIX}/static",
        tabs=TABS,
        here=name,
        zone=_zone(),
        **values,
    )
    return HTMLResponse(html, status_code=401 if user is None else 200)


def _zone() -> str:
    """Return the time zone of the exchange that the strategies trade on, of the first where they are several."""
    found = place.strategies_if_any()
    return exchange(found[0].calendar if found else DEFAULT_CALENDAR).timezone
