"""How long the API server works for each page, over a ledger of 500 symbols in 500 sessions."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from unittest.mock import patch

import psycopg

from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.migrations import migrate
from tests.bench.page import table
from tests.support.databases import settle_in, temporary_home

SYMBOLS = 500
SESSIONS = 500
REPETITIONS = 3
LIMIT_SECONDS = 1.0
FILL = Path(__file__).with_name("web_pages.sql")
STRATEGY = "daily_trading"
API = "/api/v1/orchestration"

# What each page asks for when it is opened; `check` asks services, and is no part of any page's being there.
PAGES: dict[str, tuple[str, ...]] = {
    "Today": (
        "/strategies",
        "/accounts",
        "/alerts",
        "/money?sessions=90",
        "/history?days=90",
        "/orders?live=true&limit=50",
        "/positions?limit=500",
        "/runs?kind=trading&limit=10",
    ),
    "Strategy": (
        "/strategies",
        "/history?days=1000",
        f"/money/{STRATEGY}?sessions=1000&positions=1",
        f"/positions?strategy_id={STRATEGY}&limit=500",
        f"/orders?strategy_id={STRATEGY}&limit=50",
        f"/runs?strategy_id={STRATEGY}&limit=20",
    ),
    "Run": ("/runs?dag_id=daily_trading&airflow_run_id=run-500&limit=50", "/runs/{run}", "/runs/{run}/previous"),
    "Account": (
        "/accounts",
        "/accounts/bench",
        "/accounts/bench/history?limit=25",
        "/orders?account=bench&live=true&limit=50",
    ),
    "Symbol": ("/symbols", "/symbols/GEN250?limit=100"),
}


def measure() -> str:
    """Return a table: of each page the seconds of all it asks for, one after another, and its slowest question."""
    with temporary_home() as home, EmbeddedPostgres(home / "server") as server:
        url = server.ensure_database("trading")
        migrate(url)
        settle_in(url)
        run_id = _fill(url)
        with _environment(home, url):
            return _table(_measured(run_id))


def _fill(url: str) -> str:
    """Write all rows at once, past the triggers that would book each fill; return the newest run's id."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in FILL.read_text().split(";\n"):
            if statement.strip():
                connection.execute(statement % {"symbols": SYMBOLS, "sessions": SESSIONS})
        connection.execute("ANALYZE")
        row = connection.execute("SELECT run_id FROM orchestration_runs ORDER BY id DESC LIMIT 1").fetchone()
    return str(row[0]) if row else ""


@contextmanager
def _environment(home: Path, url: str) -> Iterator[None]:
    symbols = ", ".join(f"GEN{number:03}" for number in range(1, SYMBOLS + 1))
    strategies = home / "strategies.yaml"
    strategies.write_text(
        f"strategies:\n  - {{id: {STRATEGY}, mode: paper, schedule: null, symbols: [{symbols}], "
        "signals: {service: {top_n: 250, bottom_n: 250}}, capital: 10000000, max_position_size: 20000}\n"
    )
    values = {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "no-dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW_CONN_TRADING_LEDGER": url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": '{"conn_type": "http", "host": "http://127.0.0.1:9", '
        '"extra": {"contract": "v2", "account": "bench"}}',
        "TRADING_STRATEGIES_FILE": str(strategies),
        "_AIRFLOW_PROCESS_CONTEXT": "server",
    }
    with patch.dict(os.environ, values):
        yield


def _measured(run_id: str) -> dict[str, list[tuple[str, float, int]]]:
    """Return of each page what it asks for, with the median of its seconds and the length of its answer."""
    # Airflow reads its settings from the environment when it is first imported.
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.utils.db import initdb
    from fastapi.testclient import TestClient

    initdb()
    with TestClient(create_app(apps="core")) as client:
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username="ada", role="ADMIN"))
        client.headers["Authorization"] = f"Bearer {token}"
        return {
            page: [(path, *_asked(client, API + path.format(run=run_id))) for path in paths]
            for page, paths in PAGES.items()
        }


def _asked(client: object, path: str) -> tuple[float, int]:
    seconds, length = [], 0
    # The first time loads calendars and fills caches that a server has all day.
    for _ in range(1 + REPETITIONS):
        began = perf_counter()
        answer = client.get(path)  # type: ignore[attr-defined]
        seconds.append(perf_counter() - began)
        if answer.status_code != 200:
            raise ValueError(f"{path}: {answer.status_code} {answer.text}")
        length = len(answer.content)
    return median(seconds[1:]), length


def _table(found: dict[str, list[tuple[str, float, int]]]) -> str:
    rows = []
    for page, asked in found.items():
        whole = sum(seconds for _, seconds, _ in asked)
        slowest, most, _ = max(asked, key=lambda each: each[1])
        size = sum(length for _, _, length in asked)
        met = "yes" if whole < LIMIT_SECONDS else "**no**"
        rows.append((page, f"{whole:.3f}", f"{slowest.partition('?')[0]} {most:.3f}", f"{size / 1e6:.2f}", met))
    head = ("page", "server, s", "of it the slowest", "MB", f"< {LIMIT_SECONDS:g} s")
    return f"### Pages over {SYMBOLS} symbols in {SESSIONS} sessions\n\n{table(head, rows)}"


if __name__ == "__main__":
    print(measure())
