"""A real Airflow with its four processes, a sandbox and a ledger of their own, and short ways to speak to them."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch
from urllib.parse import quote

import httpx
import psycopg
from psycopg.rows import dict_row

from include.execution.settings import Settings
from include.launcher import processes
from include.launcher.airflow import ADMIN, COMPONENTS
from include.launcher.demo import METADATA_SETTING, Progress, Stack, bring_up
from include.launcher.demo_kinds import FOLDER_SETTING, kinds
from include.launcher.paths import ROOT
from include.launcher.postgres import EmbeddedPostgres
from include.ledger.ledger import Ledger, open_ledger
from include.sandbox.runner import AdminClient, Sandbox, start_sandbox
from include.trading.account.row import Account
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.e2e import dated_sources
from tests.e2e.sized import sized_strategies
from tests.support.databases import temporary_home
from tests.support.environment import as_environment, without_airflow

Found = TypeVar("Found")

FINISHED = ("success", "failed")
# Twice what a busy machine of two cores was seen to need.
PATIENCE_SECONDS = 300
POLL_SECONDS = 0.2

RETRY_SECONDS = (3, 6, 9)
SETTINGS = Settings(
    retry_minutes=tuple(seconds / 60 for seconds in RETRY_SECONDS),
    quick_retry_seconds=(0.2, 0.4, 0.8),
    # A symbol that was renamed has no price however long it is waited for.
    price_patience_seconds=2,
    absent_proof_seconds=2,
    look_up_every_seconds=0.5,
    halted_pause_seconds=2,
    failure_pause_seconds=2,
    price_every_seconds=1,
    position_recheck_seconds=1,
    poll_every_seconds=0.2,
    watchdog_minutes=30,
)

# One strategy, and so one DAG, for each subject, so that no test works on another's positions. Generated symbols.
SENDING = (
    *("twice", "cleared", "retried", "killed", "scheduled", "database", "doubled", "browser"),
    *("orphaned", "hanging", "announced", "late", "corporate"),
)
# The strategy `corporate` trades at an emulator of Alpaca with a book and prices of its own: (connection, account).
EMULATOR, EMULATOR_PRICES = ("alpaca_emulator", "emulated"), "alpaca_emulator_prices"
PER_STRATEGY = 3
# The strategy `announced` runs when both have had an event.
ASSETS = ("live_scores", "live_risk")
# The asset of `late`, whose file comes after the event that names it.
LATE = "live_late"


def symbols_of(strategy_id: str) -> list[str]:
    """Return the symbols of one of the SENDING strategies."""
    first = 1 + SENDING.index(strategy_id) * PER_STRATEGY
    return [f"GEN{number:03}" for number in range(first, first + PER_STRATEGY)]


def strategies_file(folder: Path) -> str:
    """Return the strategies: the demo's, one for each subject, source and sizing, and one that trades nothing.

    folder: of the files that signals are read from.
    """
    sandbox = "mode: paper, sandbox_only: true, market_hours: false"
    terms = "capital: 100000, max_position_size: 10000"
    money = f"signals: {{service: {{top_n: 2, bottom_n: 1}}}}, {terms}"
    # Due a minute before the close, so that at no hour switching it on starts a run that may send.
    backfilled = "mode: paper, sandbox_only: true, schedule: session+384"
    lines = [
        "strategies:",
        f"  - {{id: daily_trading, {sandbox}, schedule: null, symbols: [AAPL, MSFT, JPM, XOM, KO], {money}}}",
        # In market hours only.
        f"  - {{id: plan_only, mode: plan, schedule: session, symbols: [GE, HD, JNJ], {money}}}",
        f"  - {{id: backfilled, {backfilled}, symbols: [AMD, BAC, CVX, PEP, PG], {money}}}",
        *sized_strategies(),
    ]
    for source, signals in dated_sources.signals(folder / "dated").items():
        named = f"signals: {json.dumps({source: signals})}, symbols: {json.dumps(dated_sources.SYMBOLS[source])}"
        lines.append(f"  - {{id: backfilled_{source}, {backfilled}, {named}, {terms}}}")
    # The demo's own, whose producer is in its list too.
    lines += [f"  - {json.dumps(kind)}" for kind in kinds(folder) if kind["id"] == "from_event"]
    announced = {"announced": f"{{assets: [{', '.join(ASSETS)}]}}", "late": f"{{assets: [{LATE}]}}"}
    for id in SENDING:
        own = f"signals: {json.dumps({'event': {'under': f'{folder}/late/'}})}, {terms}" if id == "late" else money
        symbols = ", ".join(symbols_of(id))
        if id == "corporate":
            # Ten times as many shares are not worth the same to the cent.
            prices = f"{{alpaca: {{connection: {EMULATOR_PRICES}}}}}"
            own = f"{money}, no_trade_band: 0.01, venue: {EMULATOR[0]}, prices: {prices}"
        lines.append(f"  - {{id: {id}, {sandbox}, schedule: {announced.get(id, 'null')}, symbols: [{symbols}], {own}}}")
    return "\n".join(lines) + "\n"


def until(found: Callable[[], Found], what: str, timeout_seconds: float = PATIENCE_SECONDS) -> Found:
    """Return what is found, once it is something; raise TimeoutError when it stays nothing."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_seconds} s")
        time.sleep(POLL_SECONDS)
    return answer


@dataclass(frozen=True)
class LiveRun:
    """One DAG run."""

    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{quote(self.run_id, safe='')}"


@dataclass
class Live:
    """The running whole. Its processes may be killed and started again; `children` holds every one there was."""

    stack: Stack
    postgres: EmbeddedPostgres
    http: httpx.Client
    sandbox: AdminClient
    # The admin of the emulator that the strategy `corporate` trades at.
    emulator: AdminClient
    running: dict[str, processes.Child] = field(default_factory=dict)

    # ── Airflow's API ──

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        return self.http.request(method, path, json=body)

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer; raise ValueError with its words when it is an error."""
        answer = self.request(method, path, body)
        if answer.is_error:
            raise ValueError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def trigger(self, dag_id: str = "daily_trading", conf: Mapping[str, Any] | None = None) -> LiveRun:
        """Start a run by hand, with the DAG switched on."""
        self.switch_on(dag_id)
        body = {"logical_date": None, "conf": dict(conf or {})}
        return LiveRun(dag_id, self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def announce(self, dag_id: str, asset: str, **extra: Any) -> LiveRun:
        """Send an event of an asset, as a producer outside of Airflow does; return the run that it starts."""
        self.switch_on(dag_id)
        (found,) = self.call("GET", f"/api/v2/assets?name_pattern={asset}")["assets"]
        before = self._runs_of(dag_id)
        self.call("POST", "/api/v2/assets/events", {"asset_id": found["id"], "extra": extra})
        return self._started(dag_id, before)

    def produce(self, producer: str, dag_id: str) -> LiveRun:
        """Run a DAG whose task sends an event of its asset; return the run of another DAG that this starts."""
        self.switch_on(dag_id)
        before = self._runs_of(dag_id)
        if (state := self.wait(self.trigger(producer))) != "success":
            raise ValueError(f"expected {producer} to succeed, it ended as {state}")
        return self._started(dag_id, before)

    def switch_on(self, dag_id: str) -> None:
        """Unpause a DAG, once Airflow has read it."""
        until(lambda: self.stack.api.knows(dag_id), f"the DAG {dag_id}")
        self.stack.api.unpause(dag_id)

    def _started(self, dag_id: str, before: set[str]) -> LiveRun:
        (started,) = until(lambda: self._runs_of(dag_id) - before, f"a run of {dag_id}")
        return LiveRun(dag_id, started)

    def _runs_of(self, dag_id: str) -> set[str]:
        return {run["dag_run_id"] for run in self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]}

    def state(self, run: LiveRun) -> str:
        return str(self.call("GET", run.path)["state"])

    def wait(self, run: LiveRun, timeout_seconds: float = PATIENCE_SECONDS) -> str:
        """Wait until the run ended and return its state."""

        def ended() -> str:
            state = self.state(run)
            return state if state in FINISHED else ""

        return until(ended, f"the end of {run}", timeout_seconds)

    def tasks(self, run: LiveRun) -> list[dict[str, Any]]:
        """Return the run's task instances, in the order of their map indexes."""
        found: list[dict[str, Any]] = self.call("GET", f"{run.path}/taskInstances?limit=100")["task_instances"]
        return sorted(found, key=lambda task: (task["task_id"], task["map_index"]))

    def task(self, run: LiveRun, task_id: str, map_index: int = -1) -> dict[str, Any]:
        (found,) = (task for task in self.tasks(run) if (task["task_id"], task["map_index"]) == (task_id, map_index))
        return found

    def states(self, run: LiveRun, task_id: str) -> Counter[str]:
        return Counter(task["state"] for task in self.tasks(run) if task["task_id"] == task_id)

    def xcom(self, run: LiveRun, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        path = f"{run.path}/taskInstances/{task_id}/xcomEntries/{key}?map_index={map_index}&stringify=false"
        return self.call("GET", path)["value"]

    def log(self, run: LiveRun, task_id: str, map_index: int = -1) -> list[dict[str, Any]]:
        """Return the lines of a task's first try, as Airflow wrote them."""
        folder = self.stack.airflow_logs / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / f"task_id={task_id}"
        if map_index >= 0:
            folder /= f"map_index={map_index}"
        return [json.loads(line) for line in (folder / "attempt=1.log").read_text().splitlines()]

    def clear(self, run: LiveRun, *tasks: str | tuple[str, int], downstream: bool = False) -> None:
        """Clear tasks, or one mapped instance given as (task id, map index)."""
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": [task if isinstance(task, str) else list(task) for task in tasks],
            "only_failed": False,
            "reset_dag_runs": True,
            "include_downstream": downstream,
        }
        self.call("POST", f"/api/v2/dags/{run.dag_id}/clearTaskInstances", body)

    def clear_run(self, run: LiveRun) -> None:
        self.call("POST", f"{run.path}/clear", {"dry_run": False, "only_failed": False})

    def mark(self, run: LiveRun, state: str) -> None:
        """Set the run's state, and that of its unfinished tasks, as a person does on its page."""
        self.call("PATCH", run.path, {"state": state})

    def retry_of(self, run: LiveRun, task_id: str) -> dict[str, Any]:
        """Return what Airflow has noted of a task's tries: state, try_number, max_tries, retry_delay_override."""
        url = self.stack.env[METADATA_SETTING].replace("postgresql+psycopg2://", "postgresql://", 1)
        with psycopg.connect(url, row_factory=dict_row) as connection:
            found = connection.execute(
                "SELECT state, try_number, max_tries, retry_delay_override FROM task_instance "
                "WHERE dag_id = %s AND run_id = %s AND task_id = %s",
                [run.dag_id, run.run_id, task_id],
            ).fetchone()
        return found or {}

    # ── the ledger, and the sandbox's book, which is the judge ──

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with open_ledger(self.stack.ledger_url) as ledger:
            yield ledger

    def ledger_run(self, run: LiveRun) -> Run | None:
        with self.ledger() as ledger:
            return ledger.runs.newest(run.dag_id, run.run_id)

    def orders(self, run: LiveRun) -> list[Intent]:
        found = self.ledger_run(run)
        if found is None or found.plan_id is None:
            return []
        with self.ledger() as ledger:
            return ledger.orders.of_plan(found.plan_id)

    def account(self) -> Account:
        with self.ledger() as ledger:
            account = ledger.accounts.get("sandbox")
        assert account is not None
        return account

    def booked(self, strategy_id: str) -> Counter[str]:
        """Return how many orders the broker has for each symbol of one of the SENDING strategies."""
        symbols = symbols_of(strategy_id)
        return Counter(order["symbol"] for order in self.sandbox.book()["orders"] if order["symbol"] in symbols)

    def sending(self, run: LiveRun) -> dict[str, Any]:
        """Wait for a submitting task whose order is being sent: claimed in the ledger, its POST at the gateway."""

        def found() -> dict[str, Any]:
            posted = self.sandbox.book()["posts_by_id"]
            sent = {order.client_order_id for order in self.orders(run) if order.state == "sending"} & set(posted)
            if not sent:
                return {}
            items = self.xcom(run, "map_orders")
            return next(
                (
                    task
                    for task in self.tasks(run)
                    if (task["task_id"], task["state"]) == ("submit_orders", "running")
                    and sent & set(items[task["map_index"]]["client_order_ids"])
                ),
                {},
            )

        return until(found, f"a task of {run} that sends")

    @property
    def folder(self) -> Path:
        """Return where the strategies' files are, and where the producer writes."""
        return Path(self.stack.env[FOLDER_SETTING])

    def posts(self, run: LiveRun) -> Counter[str]:
        """Return how often each order of the run's plan was posted to the gateway, by symbol."""
        by_id = self.sandbox.book()["posts_by_id"]
        return Counter({order.symbol: by_id.get(order.client_order_id, 0) for order in self.orders(run)})

    # ── its processes ──

    def start(self, name: str, component: str = "") -> processes.Child:
        """Start a component of Airflow again or, under another name, one more of them."""
        command = [sys.executable, "-m", "airflow", *COMPONENTS[component or name]]
        log = self.stack.airflow_logs.parent / f"{name}-{len(self.stack.children)}.log"
        child = processes.start(name, command, log=log, env=self.stack.env, cwd=ROOT)
        # Those that ended stay in the list: it is what is stopped at the end, with what they left behind.
        self.stack.children.append(child)
        self.running[name] = child
        return child

    def kill(self, name: str) -> None:
        """End one component's process, not its children, without a word of warning."""
        child = self.running[name]
        os.kill(child.process.pid, signal.SIGKILL)
        child.wait()

    def stop(self, name: str) -> None:
        processes.stop([self.running.pop(name)])

    def revive(self) -> list[str]:
        """Start again what has ended, as a service manager does; return what that was."""
        dead = [name for name, child in self.running.items() if not child.is_running()]
        for name in dead:
            self.start(name)
        return dead

    def restart_postgres(self) -> None:
        """Stop the server in its middle of everything, and start it on the same port and data."""
        self.postgres.stop()
        self.postgres.start()

    def healthy(self, components: Sequence[str] = ("metadatabase", "scheduler", "dag_processor", "triggerer")) -> bool:
        health = self.stack.api.health()
        return all(health.get(name, {}).get("status") == "healthy" for name in components)


@contextmanager
def live_airflow(strategies: str = "", environ: Mapping[str, str] | None = None) -> Iterator[Live]:
    """Start everything on free ports in a folder of its own, and stop everything at the end.

    strategies: the text of another strategies file than the tests'. environ: settings that win over the tests'.
    """
    with ExitStack() as opened:
        home = opened.enter_context(temporary_home())
        folder = home / "signals"
        (home / "strategies.yaml").write_text(strategies or strategies_file(folder))
        postgres = opened.enter_context(EmbeddedPostgres(home / "server", durable=False))
        emulator = opened.enter_context(start_sandbox(fill_after=0.3, alpaca_rate_limit=0))
        settings = {
            "TRADING_HOME": str(home / "state"),
            "TRADING_DEMO_PORTS": "auto",
            "TRADING_STRATEGIES_FILE": str(home / "strategies.yaml"),
            METADATA_SETTING: postgres.ensure_database("airflow").replace("postgresql", "postgresql+psycopg2", 1),
            "DATABASE_URL": postgres.ensure_database("trading"),
            FOLDER_SETTING: str(folder),
            **dated_sources.connections(folder / "dated"),
            **_emulator(emulator),
            **(environ or {}),
        }
        # Only what is started sees it; other tests of this process have an Airflow of their own.
        with patch.dict(os.environ, without_airflow() | as_environment(SETTINGS) | settings, clear=True):
            stack = bring_up(opened, Progress())
        stack.api.log_in()
        sandbox = AdminClient(f"http://127.0.0.1:{stack.ports.admin}")
        opened.callback(sandbox.close)
        running = {child.name: child for child in stack.children if child.name in COMPONENTS}
        yield Live(stack, postgres, opened.enter_context(_http(stack)), sandbox, emulator.admin, running)


def _emulator(sandbox: Sandbox) -> dict[str, str]:
    """Return the connections of the strategy that trades at Alpaca's emulator."""
    login, password = sandbox.alpaca_key
    venue = {"conn_type": "http", "host": sandbox.alpaca_url, "login": login, "password": password}
    venue["extra"] = {"venue": "alpaca", "account": EMULATOR[1]}
    prices = {"conn_type": "http", "host": sandbox.market_url}
    found = {EMULATOR[0]: venue, EMULATOR_PRICES: prices}
    return {f"AIRFLOW_CONN_{id.upper()}": json.dumps(connection) for id, connection in found.items()}


def _http(stack: Stack) -> httpx.Client:
    address = f"http://127.0.0.1:{stack.ports.ui}"
    login = {"username": ADMIN, "password": stack.admin_password}
    token = httpx.post(f"{address}/auth/token", json=login, trust_env=False, timeout=60).json()["access_token"]
    return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
