"""What is loaded once where task processes are forked from, and what each task would pay for it otherwise.

`airflow scheduler` (LocalExecutor) and `airflow celery worker` fork a process per task, which finds what they
have loaded. A Celery worker loads plugins before it forks only with `[core] lazy_load_plugins` off.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NamedTuple

FORKS_TASKS = (["scheduler"], ["celery", "worker"])


class Loaded(NamedTuple):
    """saves_ms: processor time of importing them after `airflow.sdk`, on the machine of docs/performance.md."""

    modules: tuple[str, ...]
    why: str
    saves_ms: int


WARMUP = (
    Loaded(("exchange_calendars",), "sessions; it brings pandas", 930),
    Loaded(("yaml",), "the strategies file", 1),
    Loaded(("airflow.providers.apprise.hooks.apprise",), "alerts, which callbacks send", 90),
    Loaded(("airflow.providers.http.hooks.http",), "connections to the services", 400),
    Loaded(("airflow.providers.postgres.hooks.postgres",), "the connection to the ledger", 230),
    Loaded(
        ("airflow.sdk.bases.sensor", "jinja2.ext", "jinja2.nativetypes", "jinja2.sandbox"),
        "making a DAG, and templates",
        10,
    ),
    Loaded(
        (
            "airflow.providers.standard.operators.empty",
            "airflow.providers.standard.triggers.temporal",
            "airflow.sdk.execution_time.cache",
        ),
        "Airflow's own needs: mapped tasks, deferred waits, connections",
        34,
    ),
    Loaded(
        (
            "include.execution.alerts.raising",
            "include.execution.steps.close_run",
            "include.execution.orders.flips",
            "include.execution.orders.funding",
            "include.execution.steps.map_orders",
            "include.execution.alerts.delivery",
            "include.execution.steps.fetch_signals",
            "include.execution.orders.submit",
            "include.execution.steps.track_fills",
            "include.execution.duty.watchdog",
            "include.execution.results.look",
            "include.adapters.notify.heartbeat",
            "include.adapters.notify.channels",
            "include.trading.strategy.narrowing",
            "include.trading.strategy.file",
        ),
        "the steps of a run and of the watchdog; they bring pydantic's models and psycopg",
        370,
    ),
    Loaded(
        (
            "trading_airflow.alerts",
            "trading_airflow.hooks.ledger",
            "trading_airflow.connections",
            "include.adapters.venues.gateway.kind",
            "include.adapters.venues.alpaca.kind",
            "include.adapters.signals.service",
            "include.adapters.prices.alpaca",
            "trading_airflow.operators.fills",
            "trading_airflow.operators.orders",
            "trading_airflow.operators.signals",
            "trading_airflow.retries",
            "trading_airflow.timetable",
            "trading_airflow.operators.watchdog",
            "trading_airflow.operators.books",
        ),
        "operators and hooks",
        40,
    ),
)
MODULES = tuple(module for loaded in WARMUP for module in loaded.modules)


def forks_tasks(arguments: list[str]) -> bool:
    """Say whether a process started with these arguments (sys.argv) forks task processes."""
    return any(arguments[1 : 1 + len(command)] == command for command in FORKS_TASKS)


def is_warm() -> bool:
    """Say whether all of it is loaded: a forked task loads plugins too, with its parent's arguments."""
    return MODULES[-1] in sys.modules


def warm_up() -> None:
    """Load the modules and what the process keeps: the New York calendar (740 ms) and the strategies (5 ms)."""
    from airflow.sdk.timezone import utcnow

    from include.trading.calendar.sessions import trading_calendar
    from include.trading.strategy.file import load_strategies
    from trading_airflow.strategies import strategies_path

    for module in MODULES:
        import_module(module)
    trading_calendar("XNYS", today=utcnow().date())
    load_strategies(strategies_path())
