"""The demo: everything started in order, one session traded against the sandbox, everything stopped again."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from include.launcher import airflow, ops_environment, processes, report, seed
from include.launcher.demo_kinds import FOLDER_SETTING, strategies_with_every_kind
from include.launcher.demo_kinds import connections as kinds_connections
from include.launcher.errors import CannotRun
from include.launcher.paths import ROOT, usable_state_folder
from include.launcher.postgres import EmbeddedPostgres
from include.launcher.postgres_install import reachable_home
from include.launcher.settings import Ports, choose_ports, load_secrets
from include.launcher.strategies import SETTING, named_by, strategies_of, strategies_path
from include.trading.strategy.spec import Strategy

METADATA_SETTING = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
LEDGER_SETTING = "AIRFLOW_CONN_TRADING_LEDGER"
LEDGER_DATABASE = "trading"
SANDBOX_TIMEOUT_SECONDS = 60
DAG_TIMEOUT_SECONDS = 120
# Longer than the sandbox strategy's own cut-off, so that the run says what went wrong, not we.
RUN_TIMEOUT_SECONDS = 900


@dataclass(frozen=True)
class Stack:
    """What runs, and how to speak to it."""

    children: list[processes.Child]
    ports: Ports
    api: airflow.Api
    admin_password: str
    ledger_url: str
    airflow_logs: Path
    began: datetime
    env: Mapping[str, str]
    strategies: Sequence[Strategy]


class Progress:
    """Lines with the seconds since the start; on a terminal the last one can be written over."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._width = 0

    def step(self, text: str) -> None:
        """Print one line for good."""
        self._write(text, "\n")

    def now(self, text: str) -> None:
        """Show what is going on at the moment: overwritten on a terminal, a line elsewhere."""
        self._write(text, "\r" if sys.stdout.isatty() else "\n")

    def _write(self, text: str, end: str) -> None:
        line = f"{time.monotonic() - self._began:6.1f} s  {text}"
        print(line.ljust(self._width), end=end, flush=True)
        self._width = len(line) if end == "\r" else 0


def demo(*, once: bool, venue: str = "gateway") -> int:
    """Run the demo and return the exit code: 0 when the run completed. Without `once` stay up until Ctrl-C.

    The first strategy of the file is traded; the others are in Airflow's list, to be switched on there.

    venue: what orders are sent to, gateway or alpaca.
    """

    def work(started: ExitStack) -> Iterator[int]:
        progress = Progress()
        stack = bring_up(started, progress, venue=venue, seeds=True, kinds=not os.environ.get(SETTING))
        traded = stack.strategies[0]
        run_id = trade(stack, traded.dag_id, progress)
        yield 0 if _show(stack, traded.dag_id, run_id) else 1
        if not once:
            _stay_up(stack)

    return until_interrupted(work, "the demo")


def until_interrupted(work: Callable[[ExitStack], Iterator[int]], what: str) -> int:
    """Do the work until it ends or Ctrl-C, stop all that it started, and return the last exit code that it yielded."""
    interrupt_on(signal.SIGINT, signal.SIGTERM)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        interrupt_on(signal.SIGHUP)
    code = 130
    with ExitStack() as started:
        try:
            for found in work(started):
                code = found
        except KeyboardInterrupt:
            print(f"\nStopping what {what} started ...", flush=True)
        finally:
            # Stopping takes seconds and is bounded: a second Ctrl-C must not cut it short and leave things behind.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
    return code


def interrupt_on(*numbers: int) -> None:
    for number in numbers:
        signal.signal(number, signal.default_int_handler)


def ledger_on(server: EmbeddedPostgres, started: ExitStack) -> str:
    """Return the URL of the ledger's database on our own server; `started` closes what lies in between."""
    return server.ensure_database(LEDGER_DATABASE)


LedgerOf = Callable[[EmbeddedPostgres, ExitStack], str]


def bring_up(
    started: ExitStack,
    progress: Progress,
    ledger_of: LedgerOf = ledger_on,
    *,
    venue: str = "gateway",
    seeds: bool = False,
    kinds: bool = False,
) -> Stack:
    """Start PostgreSQL, sandbox and Airflow, each healthy on return; `started` stops them.

    ledger_of: makes the ledger's database on our own server, and returns its URL.  venue: what the demo trades at.
    seeds: trade past sessions first, where the ledger is our own and empty.
    kinds: a strategy for each source of signals too, where the user has no file of their own.
    """
    began = datetime.now(UTC)
    state, given = usable_state_folder(), dict(os.environ)
    started.enter_context(processes.only_one(state / "demo.lock", "The demo"))
    if kinds:
        given |= _with_every_kind(state / "demo")
    strategies = strategies_of(strategies_path(given))
    ports = choose_ports(os.environ, venue)
    secrets = load_secrets(state / "secrets.json")
    metadata_url, ledger_url, stamp = databases(started, state, progress, ledger_of)
    home, logs = state / "airflow", state / "logs"
    env = airflow.environment(
        given,
        home=home,
        ports=ports,
        secrets=secrets,
        metadata_url=metadata_url,
        ledger_url=ledger_url,
        strategies=strategies,
    )
    children: list[processes.Child] = []
    started.callback(processes.stop, children)
    sandbox = _start_sandbox(ports, state, env)
    children.append(sandbox)

    def fill_the_ledger() -> None:
        follow_sandbox(env, [id for id in _venues(strategies) if f"AIRFLOW_CONN_{id.upper()}" not in os.environ])
        if seeds:
            _seed(started, env, strategies[0], sandbox, ports, logs / "seed.log", progress)

    start_airflow(started, progress, children, env, state=state, stamp=stamp, meanwhile=fill_the_ledger)
    _wait_for_sandbox(sandbox, ports)
    progress.step(f"the sandbox listens on 127.0.0.1: {_sandbox_ports(ports)}")
    api = airflow.Api(f"http://127.0.0.1:{ports.ui}", secrets.admin_password)
    airflow.wait_until_healthy(api, children)
    progress.step(f"Airflow is healthy on http://127.0.0.1:{ports.ui}")
    return Stack(
        children, ports, api, secrets.admin_password, env[LEDGER_SETTING], home / "logs", began, env, strategies
    )


def start_airflow(
    started: ExitStack,
    progress: Progress,
    children: list[processes.Child],
    env: dict[str, str],
    *,
    state: Path,
    stamp: Path | None,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Bring the tables of ledger and Airflow up to date, and start Airflow, which goes on getting ready on return.

    children: takes Airflow's processes. stamp: where the version of Airflow's tables is kept.
    meanwhile: done with the ledger's tables while Airflow's are made.
    """
    logs = state / "logs"
    migration = airflow.start_migration(env, log=logs / "airflow-db-migrate.log", stamp=stamp)
    if migration:
        started.callback(processes.stop, [migration])
        progress.step("Airflow's tables are being made")
    migrate_ledger(env, logs / "ledger-migrate.log")
    progress.step("the ledger's tables are up to date")
    meanwhile()
    if migration:
        airflow.finish_migration(migration, stamp)
        progress.step("Airflow's tables are up to date")
    started.callback(ops_environment.forget, state)
    ops_environment.keep(state, env)
    children += airflow.start(env, logs)


def _with_every_kind(folder: Path) -> dict[str, str]:
    return {
        SETTING: str(strategies_with_every_kind(folder)),
        FOLDER_SETTING: str(folder),
        **kinds_connections(folder),
    }


def databases(started: ExitStack, state: Path, progress: Progress, ledger_of: LedgerOf) -> tuple[str, str, Path | None]:
    """Return the URLs of metadata and ledger, and where to stamp the metadata's version: the user's own databases,
    else those of a server started for them.
    """
    metadata_url = os.environ.get(METADATA_SETTING, "")
    ledger_url = os.environ.get(LEDGER_SETTING) or os.environ.get("DATABASE_URL", "")
    if ledger_url.partition("://")[0] not in ("", "postgresql", "postgres"):
        raise CannotRun(f"DATABASE_URL (or {LEDGER_SETTING}) must begin with postgresql://, as psycopg reads it.")
    if metadata_url and ledger_url:
        return metadata_url, ledger_url, None
    server = EmbeddedPostgres(reachable_home(state / "postgres"))
    started.enter_context(server)
    progress.step(f"PostgreSQL is up on 127.0.0.1:{server.port}, its data in {server.data}")
    stamp = None
    if not metadata_url:
        metadata_url = server.ensure_database("airflow").replace("postgresql://", "postgresql+psycopg2://", 1)
        stamp = server.home / "airflow.migrated"
    if not ledger_url:
        ledger_url = ledger_of(server, started)
    return metadata_url, ledger_url, stamp


def sandbox_book(state: Path, ports: Ports) -> Path:
    """Return a book for each venue: what was traded at one would be shares at the other that nothing explains."""
    return state / ("sandbox-book.sqlite" if ports.alpaca is None else "sandbox-book-alpaca.sqlite")


def _start_sandbox(ports: Ports, state: Path, env: dict[str, str]) -> processes.Child:
    command = [sys.executable, "-m", "include.sandbox", "--contract", "v2", "--mode", "paper"]
    command += ["--book", str(sandbox_book(state, ports))]
    for name, port in ports.of_sandbox.items():
        command += [f"--{name}-port", str(port)]
    return processes.start("sandbox", command, log=state / "logs" / "sandbox.log", env=env, cwd=ROOT)


def _wait_for_sandbox(sandbox: processes.Child, ports: Ports) -> None:
    deadline = time.monotonic() + SANDBOX_TIMEOUT_SECONDS
    while not all(processes.accepts(port) for port in ports.of_sandbox.values()):
        airflow.refuse_dead([sandbox])
        if time.monotonic() > deadline:
            raise CannotRun(f"The sandbox did not listen within {SANDBOX_TIMEOUT_SECONDS} s, see {sandbox.log}.")
        time.sleep(processes.POLL_SECONDS)


def _sandbox_ports(ports: Ports) -> str:
    words = f"signals {ports.signals}, gateway {ports.gateway}, market data {ports.market}, admin {ports.admin}"
    return words if ports.alpaca is None else f"{words}, Alpaca {ports.alpaca}"


def migrate_ledger(env: dict[str, str], log: Path) -> None:
    child = processes.start("ledger", [sys.executable, "-m", "include.ops", "migrate"], log=log, env=env, cwd=ROOT)
    try:
        child.wait()
    finally:
        code = child.collect()
    if code:
        raise CannotRun(f"The ledger's migrations failed, {log} says:\n{child.tail(10)}")


def _seed(
    started: ExitStack,
    env: dict[str, str],
    strategy: Strategy,
    sandbox: processes.Child,
    ports: Ports,
    log: Path,
    progress: Progress,
) -> None:
    """Trade past sessions with the sandbox before anything else looks at the ledger, and say that it is play."""
    embedded = not (os.environ.get(LEDGER_SETTING) or os.environ.get("DATABASE_URL"))
    sessions = seed.wanted(os.environ, strategy, embedded=embedded)
    if not sessions:
        return
    _wait_for_sandbox(sandbox, ports)
    command = [sys.executable, "-m", "include.launcher.seed", f"http://127.0.0.1:{ports.admin}", str(sessions)]
    child = processes.start("seed", command, log=log, env=env, cwd=ROOT)
    started.callback(processes.stop, [child])
    try:
        child.wait()
    finally:
        code = child.collect()
    if code:
        raise CannotRun(f"Past sessions could not be traded with the sandbox; without them: SEED=0. {child.tail(10)}")
    done = child.tail(1).strip()
    if not done.startswith("0 "):
        progress.step(f"{done} before today have books, from the sandbox: play money, in the demo's own ledger alone")


def _venues(strategies: Sequence[Strategy]) -> list[str]:
    return sorted(named_by(strategies).venues)


def follow_sandbox(env: Mapping[str, str], connection_ids: Iterable[str] = ("execution_gateway",)) -> None:
    """Bind the sandbox's account to where the sandbox listens now: its book is the same, its port may be another.

    connection_ids: the venues that are the sandbox; what the user has set leads elsewhere.
    """
    from include.adapters.connection import ConnectionParts
    from include.adapters.venues.registry import venue_at
    from include.execution.duty.rebinding import rebind
    from include.ledger.ledger import open_ledger

    venues = [venue_at(ConnectionParts.from_environment(id, env)) for id in connection_ids]
    with open_ledger(env[LEDGER_SETTING]) as ledger:
        for venue in venues:
            account, address = ledger.accounts.get(venue.account), venue.connection.address
            if account is not None and account.gateway_address != address:
                reason = "the demo's sandbox listens there now"
                rebind(ledger, account.account, address, same_account=True, actor="demo", reason=reason)


def wait_until_known(stack: Stack, dag_id: str) -> None:
    """Log in, and return when Airflow has read the DAG."""
    stack.api.log_in()
    deadline = time.monotonic() + DAG_TIMEOUT_SECONDS
    while not stack.api.knows(dag_id):
        airflow.refuse_dead(stack.children)
        if errors := stack.api.import_errors(since=stack.began):
            raise CannotRun(f"Airflow could not read the DAG files: {'; '.join(errors)}")
        if time.monotonic() > deadline:
            raise CannotRun(f"Airflow did not find the DAG {dag_id} within {DAG_TIMEOUT_SECONDS} s.")
        time.sleep(0.25)


def trade(stack: Stack, dag_id: str, progress: Progress, timeout_seconds: float = RUN_TIMEOUT_SECONDS) -> str:
    """Trigger the DAG and show its tasks until the run ends; return the Airflow run id."""
    wait_until_known(stack, dag_id)
    stack.api.unpause(dag_id)
    run_id = stack.api.trigger(dag_id)
    progress.step(f"{dag_id} triggered: {run_id}")
    deadline = time.monotonic() + timeout_seconds
    shown = ""
    while True:
        airflow.refuse_dead(stack.children)
        state = stack.api.run_state(dag_id, run_id)
        text = summary(stack.api.task_states(dag_id, run_id))
        if text != shown:
            progress.now(text)
            shown = text
        if state in ("success", "failed"):
            break
        if time.monotonic() > deadline:
            raise CannotRun(f"The run was still {state} after {timeout_seconds:g} s ({text}).")
        time.sleep(0.5)
    progress.step(f"the run ended: {state} in Airflow's words")
    return run_id


def summary(states: Iterable[tuple[str, str]]) -> str:
    """Return one line for the tasks of a run, a mapped task as counts of its states."""
    by_task: dict[str, Counter[str]] = {}
    for task_id, state in states:
        by_task.setdefault(task_id, Counter())[state] += 1
    return ", ".join(
        f"{task_id} " + " ".join(state if total.total() == 1 else f"{count} {state}" for state, count in total.items())
        for task_id, total in by_task.items()
    )


def _show(stack: Stack, dag_id: str, run_id: str) -> bool:
    """Print the run and what to look at; say whether it completed."""
    found = report.read_run(stack.ledger_url, dag_id, run_id)
    if found:
        print(f"\n{report.render(*found)}\n\n{report.sandbox_note(row['symbol'] for row in found[1])}")
    else:
        print(f"\nThe run left nothing in the ledger; its tasks' logs are in {stack.airflow_logs}/dag_id={dag_id}.")
    address = f"http://127.0.0.1:{stack.ports.ui}"
    print(
        f"\nAirflow   {address}/dags/{dag_id}/runs/{run_id}\n"
        f"Login     {airflow.ADMIN} / {stack.admin_password}\n"
        "Look at   the Graph; submit_orders, a line for each order; a task's Logs and XCom; Trigger, for another run\n"
        f"Ledger    psql {shlex.quote(stack.ledger_url)}\n"
        'On duty   make ops ARGS="orders --events"   (make ops lists the commands)',
        flush=True,
    )
    if others := [strategy.dag_id for strategy in stack.strategies if strategy.dag_id != dag_id]:
        print(f"Also      {', '.join(others)}   (switched off; switch one on in Airflow to trade it)", flush=True)
    return bool(found and found[0]["status"] == "completed")


def _stay_up(stack: Stack) -> None:
    print("\nEverything stays up. Ctrl-C stops all the demo started, and nothing else.", flush=True)
    while True:
        airflow.refuse_dead(stack.children)
        time.sleep(1)
