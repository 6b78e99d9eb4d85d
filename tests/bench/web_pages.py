"""How long the API server works for each page, over a ledger of 500 symbols in 500 sessions."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from time import perf_counter, process_time, sleep
from typing import Any, NamedTuple
from unittest.mock import patch

import psycopg
from psycopg import sql

from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.migrations import migrate
from tests.bench.page import table
from tests.support.databases import settle_in, temporary_home

SYMBOLS = 500
SESSIONS = 500
REPETITIONS = 3
LIMIT_SECONDS = 1.0
# A server process that is not a request's, such as a clean-up of tables, is not waited for.
MOST_WAIT_SECONDS = 5.0
FILL = Path(__file__).with_name("web_pages.sql")
STRATEGY = "daily_trading"
API = "/api/v1/orchestration"

# What each page asks for when it is opened; `check` asks services, and is no part of any page's being there.
PAGES: dict[str, tuple[str, ...]] = {
    "Today": (
        "/strategies",
        "/accounts",
        "/alerts",
        "/corporate-actions",
        "/money?sessions=90",
        "/history?days=90&only_unclosed=true",
        "/orders?live=true&limit=50",
        "/positions?limit=500",
        "/runs?kind=trading&limit=10",
    ),
    "Strategy": (
        "/strategies",
        "/history?days=365&only_unclosed=true",
        "/money?sessions=1",
        f"/money/{STRATEGY}?sessions=1000&positions=1",
        f"/positions?strategy_id={STRATEGY}&limit=500",
        f"/orders?strategy_id={STRATEGY}&limit=50",
        f"/runs?strategy_id={STRATEGY}&limit=20",
        f"/runs?strategy_id={STRATEGY}&kind=trading&limit=1",
        "/runs/{run}/sizings",
    ),
    # A strategy of which no day was ever closed: its exposure is worked out from every order.
    "Strategy, nothing closed": ("/history?days=365",),
    "Run": ("/runs?dag_id=daily_trading&airflow_run_id=run-500&limit=50", "/runs/{run}", "/runs/{run}/previous"),
    "Account": (
        "/accounts",
        "/accounts/bench",
        "/accounts/bench/history?limit=25",
        "/orders?account=bench&live=true&limit=50",
    ),
    "Symbol": ("/symbols", "/symbols/GEN250?limit=100"),
}


class Asked(NamedTuple):
    """What one path of the API cost, the mean of some answers. computed: processor seconds, None where unknown."""

    path: str
    computed: float | None
    waited: float
    statements: int
    rows: int
    length: int


def measure() -> str:
    """Return a table: of each page the processor's seconds of all it asks for, and what is the most of it."""
    with temporary_home() as home, EmbeddedPostgres(home / "server", durable=False) as server:
        url = server.ensure_database("trading")
        migrate(url)
        settle_in(url)
        began = perf_counter()
        run_id = _fill(url)
        print(f"{SYMBOLS * SESSIONS} orders written in {perf_counter() - began:.0f} s", flush=True)
        if server.child is None:
            raise ValueError("expected a server that runs")
        with _environment(home, url):
            return _table(_measured(run_id, server.child.process.pid))


def _fill(url: str) -> str:
    """Write all rows at once, past the triggers that would book each fill; return the newest run's id.

    Every index that no constraint needs is made after the rows, which takes half of the time.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '256MB'")
        indexes = connection.execute(
            """
            SELECT indexname, indexdef FROM pg_indexes
            WHERE schemaname = 'public' AND indexname LIKE 'idx%' AND indexdef NOT LIKE 'CREATE UNIQUE%'
            """
        ).fetchall()
        for name, _ in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for statement in FILL.read_text().split(";\n"):
            if statement.strip():
                connection.execute(statement % {"symbols": SYMBOLS, "sessions": SESSIONS})
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("VACUUM ANALYZE")
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


def _measured(run_id: str, postmaster: int) -> dict[str, list[Asked]]:
    """Return of each page what it asks for, and what each answer cost."""
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
            page: [_asked(client, API + path.format(run=run_id), postmaster) for path in paths]
            for page, paths in PAGES.items()
        }


def _asked(client: Any, path: str, postmaster: int) -> Asked:
    """Ask some times; the first time loads calendars and fills caches that a server has all day."""
    found: list[Asked] = []
    for _ in range(1 + REPETITIONS):
        counted: list[int] = []
        servers, before, began = _servers(postmaster), _computed(postmaster), perf_counter()
        with patch.object(psycopg.Cursor, "execute", _counting(counted)):
            answer = client.get(path)
        waited = perf_counter() - began
        if answer.status_code != 200:
            raise ValueError(f"{path}: {answer.status_code} {answer.text}")
        # The request's own server process is counted once it has ended.
        while perf_counter() < began + waited + MOST_WAIT_SECONDS and _servers(postmaster) - servers:
            sleep(0.01)
        after = _computed(postmaster)
        computed = None if before is None or after is None else after - before
        found.append(Asked(path, computed, waited, len(counted), sum(counted), len(answer.content)))
    kept = found[1:]
    known = [each.computed for each in kept if each.computed is not None]
    return kept[-1]._replace(computed=mean(known) if known else None, waited=median(each.waited for each in kept))


def _counting(counted: list[int]) -> Callable[..., Any]:
    """Return psycopg's own execute, which notes how many rows each statement gives."""
    own = psycopg.Cursor.execute

    def execute(cursor: psycopg.Cursor[Any], *given: Any, **named: Any) -> psycopg.Cursor[Any]:
        done = own(cursor, *given, **named)
        counted.append(max(0, cursor.rowcount))
        return done

    return execute


def _servers(postmaster: int) -> set[str]:
    """Return the server's processes; none where there is no /proc."""
    try:
        return set(Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split())
    except FileNotFoundError:
        return set()


def _computed(postmaster: int) -> float | None:
    """Return the processor seconds of this process and of the server's processes that have ended."""
    try:
        fields = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    # Behind the name: the 14th to 17th field, its own and its children's ticks.
    return process_time() + sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def _table(found: dict[str, list[Asked]]) -> str:
    rows = []
    for page, asked in found.items():
        worst = max(asked, key=_cost)
        whole = sum(map(_cost, asked))
        rows.append(
            (
                page,
                f"{whole:.2f}",
                f"{worst.path.removeprefix(API)} {_cost(worst):.2f}",
                f"{sum(each.waited for each in asked):.2f}",
                str(sum(each.statements for each in asked)),
                str(sum(each.rows for each in asked)),
                f"{sum(each.length for each in asked) / 1e6:.2f}",
                "yes" if whole < LIMIT_SECONDS else "**no**",
            )
        )
    head = ("page", "server, s", "the most of it", "waited, s", "statements", "rows", "MB", f"< {LIMIT_SECONDS:g} s")
    return f"### Pages over {SYMBOLS} symbols in {SESSIONS} sessions\n\n{table(head, rows)}"


def _cost(asked: Asked) -> float:
    """Return what was computed, which a busy machine does not change; what was waited where that is unknown."""
    return asked.waited if asked.computed is None else asked.computed


if __name__ == "__main__":
    print(measure())
