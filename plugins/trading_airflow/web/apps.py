"""The two FastAPI apps that Airflow's API server mounts: the API at the ADR's paths, and pages, metrics, health."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from include import __version__
from trading_airflow.web import metrics, pages
from trading_airflow.web.body_limit import BodyLimit
from trading_airflow.web.headers import SecurityHeaders
from trading_airflow.web.models.base import Answer
from trading_airflow.web.models.overview import HealthReport
from trading_airflow.web.problems import FieldProblem, ProblemDetails, handle_problems
from trading_airflow.web.results import API_PREFIX
from trading_airflow.web.root_health import RootHealth
from trading_airflow.web.routes import accounts, corporate_actions, money, overview, runs, trading
from trading_airflow.web.settings import WebSettings
from trading_airflow.web.views import PREFIX

DESCRIPTION = """
Start and read daily trading runs, and act on accounts. Served by Airflow's API server: send its token
(`POST /auth/token`) as `Authorization: Bearer …`, or use its session cookie. What you may do follows from your
permissions on the strategies' DAGs: read runs, trigger runs, edit.

Money and quantities are text, times are UTC, errors are problem details (RFC 9457).
"""


@cache
def fastapi_apps() -> list[dict[str, Any]]:
    """Return what the plugin registers; made once a process."""
    return [
        {"name": "Trading API", "app": api(), "url_prefix": API_PREFIX},
        {"name": "Trading pages", "app": site(), "url_prefix": PREFIX},
    ]


def root_middlewares() -> list[dict[str, Any]]:
    """Return what answers at the server's root: `/health`, where the setting asks for it."""
    if not WebSettings(os.environ).root_health:
        return []
    return [{"name": "Trading health", "middleware": RootHealth, "kwargs": {"path": f"{API_PREFIX}/health"}}]


def api() -> FastAPI:
    """Return the API of ADR-0006, section 6, and what the pages need besides."""
    app = FastAPI(
        title="Daily trading",
        description=DESCRIPTION,
        version=__version__,
        # The usual pages of documentation load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    for module in (runs, accounts, trading, overview, money, corporate_actions):
        app.include_router(module.router)
    handle_problems(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    _describe(app)
    return app


def site() -> FastAPI:
    """Return the pages, their static files, and the endpoints for machines that stand beside the API."""
    app = FastAPI(title="Daily trading's pages", openapi_url=None)
    app.include_router(pages.router)
    app.include_router(metrics.router)
    app.add_api_route("/health", overview.read_health, response_model=HealthReport)
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    handle_problems(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    return app


def _describe(app: FastAPI) -> None:
    """Complete it: the schemas that error answers refer to, and the nulls that FastAPI drops from examples."""
    schema = app.openapi()
    found = schema["components"]["schemas"]
    for model in (ProblemDetails, FieldProblem):
        described = model.model_json_schema(ref_template="#/components/schemas/{model}")
        described.pop("$defs", None)
        found[model.__name__] = described
    for answer in _all_below(Answer):
        extra = answer.model_config.get("json_schema_extra")
        if answer.__name__ in found and isinstance(extra, dict):
            found[answer.__name__].update(extra)
    app.openapi_schema = schema


def _all_below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for below in model.__subclasses__():
        yield below
        yield from _all_below(below)
