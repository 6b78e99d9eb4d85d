"""Airflow on this machine: its environment, its four processes, and the few calls of its API the demo needs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from include.launcher import processes
from include.launcher.errors import CannotRun
from include.launcher.paths import AIRFLOW_SETTINGS, ROOT
from include.launcher.settings import VENUES, Ports, Secrets, read_env_file, write_private
from include.launcher.strategies import Named, named_by, strategies_path
from include.trading.strategy.spec import Strategy

ADMIN = "admin"
AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
START_TIMEOUT_SECONDS = 300
# The first answers of a starting API server take seconds.
HTTP_TIMEOUT_SECONDS = 30
COMPONENTS = {
    "api-server": ["api-server"],
    # Logs are read from the disk they are written on, so nothing needs to serve them.
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}

# The sandbox's own keys for its Alpaca: play money on 127.0.0.1.
EMULATOR_KEY = ("PKSANDBOX00000000000", "sandbox-secret")


def environment(
    given: Mapping[str, str],
    *,
    home: Path,
    ports: Ports,
    secrets: Secrets,
    metadata_url: str,
    ledger_url: str,
    strategies: Sequence[Strategy] = (),
    sandbox: bool = True,
) -> dict[str, str]:
    """Return the environment all components run in; what the user has set wins over what we would set.

    strategies: the connections that these name lead to the sandbox too. sandbox: False where there is none.
    """
    passwords = home / "passwords.json"
    write_private(passwords, json.dumps({ADMIN: secrets.admin_password}))
    preferred = read_env_file(AIRFLOW_SETTINGS) | {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata_url,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        **(_connections(ports, named_by(strategies)) if sandbox else {}),
    }
    address = f"http://127.0.0.1:{ports.ui}"
    # The launcher's own: it logs in, polls and stops by these, and another AIRFLOW_HOME brings another airflow.cfg.
    fixed = {
        "AIRFLOW_HOME": str(home),
        # Absolute, because the processes run elsewhere than where the user wrote it.
        "TRADING_STRATEGIES_FILE": str(strategies_path(given)),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "plugins"), given.get("PYTHONPATH")])),
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__AUTH_MANAGER": AUTH_MANAGER,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(ports.ui),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": secrets.api_secret_key,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        # A log is there to be read while its process runs.
        "PYTHONUNBUFFERED": "1",
        # The machine's full name costs a DNS question at each start, and need not resolve.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        # Local calls past any proxy of the environment.
        "NO_PROXY": ",".join(filter(None, [given.get("NO_PROXY") or given.get("no_proxy"), "127.0.0.1,localhost"])),
    }
    return preferred | dict(given) | fixed


def _connections(ports: Ports, named: Named) -> dict[str, str]:
    """Return the sandbox's connections by their variables: the usual ones, and those that strategies name."""
    services = {"signal_service", *named.signal_services}
    venues = {"execution_gateway", *named.venues}
    market = {"market_data", *named.market_data}
    found = {id: _http_connection(ports.market) for id in market}
    found |= {id: _http_connection(ports.signals, contract="v2") for id in services}
    found |= {id: _venue_connection(ports) for id in venues}
    return {f"AIRFLOW_CONN_{id.upper()}": text for id, text in found.items()}


def _http_connection(port: int, keys: Mapping[str, str] | None = None, **extra: str) -> str:
    """keys: login and password, where the service wants some."""
    place = {"conn_type": "http", "host": "127.0.0.1", "port": port, "schema": "http"}
    return json.dumps({**place, **(keys or {}), "extra": extra})


def _venue_connection(ports: Ports) -> str:
    """Return the connection that orders go by: the gateway, or Alpaca's emulator where the demo has one."""
    if ports.alpaca is None:
        return _http_connection(ports.gateway, contract="v2", account=VENUES["gateway"][0])
    keys = {"login": EMULATOR_KEY[0], "password": EMULATOR_KEY[1]}
    return _http_connection(ports.alpaca, keys, venue="alpaca", account=VENUES["alpaca"][0])


def start_migration(env: Mapping[str, str], *, log: Path, stamp: Path | None) -> processes.Child | None:
    """Begin to bring Airflow's own tables up to date; None when the stamp says that this version did it before."""
    if stamp and stamp.exists() and stamp.read_text() == _version():
        return None
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    return processes.start("airflow db migrate", command, log=log, env=env, cwd=ROOT)


def finish_migration(child: processes.Child, stamp: Path | None) -> None:
    """Wait until the tables are there. The stamp belongs beside the data it speaks of; it saves a dozen seconds."""
    child.wait()
    if child.collect():
        raise CannotRun(f"Airflow could not prepare its database, {child.log} says:\n{child.tail()}")
    if stamp:
        stamp.write_text(_version())


def _version() -> str:
    return importlib.metadata.version("apache-airflow-core")


def start(env: Mapping[str, str], logs: Path) -> list[processes.Child]:
    """Start the four components at once; they wait for one another by themselves."""
    return [
        processes.start(
            name,
            [sys.executable, "-m", "airflow", *arguments],
            log=logs / f"{name}.log",
            env=env,
            cwd=ROOT,
        )
        for name, arguments in COMPONENTS.items()
    ]


def wait_until_healthy(api: Api, children: Sequence[processes.Child]) -> None:
    """Return when all four components report to be healthy; raise with the log of one that ended."""
    wanted = {"metadatabase", "scheduler", "dag_processor", "triggerer"}
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    warm = False
    while True:
        refuse_dead(children)
        health = api.health()
        ill = {name for name in wanted if health.get(name, {}).get("status") != "healthy"}
        warm = warm or (bool(health) and api.is_warm())
        if warm and not ill:
            return
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(ill)) or "the tasks' API"
            logs = children[0].log.parent
            raise CannotRun(f"Airflow was not healthy within {START_TIMEOUT_SECONDS} s ({missing}), see {logs}.")
        time.sleep(0.25)


def refuse_dead(children: Sequence[processes.Child]) -> None:
    """Raise with the end of its log when a child is gone."""
    for child in children:
        if not child.is_running():
            raise CannotRun(f"{child.name} ended (exit code {child.collect()}), {child.log} says:\n{child.tail()}")


class Api:
    """Airflow's public REST API, as the admin of the demo."""

    def __init__(self, base_url: str, password: str) -> None:
        self._base_url = base_url
        self._password = password
        self._token = ""  # nosec B105

    def health(self) -> dict[str, dict[str, Any]]:
        """Return what each component says of itself; empty while the API server does not answer."""
        try:
            found: dict[str, dict[str, Any]] = self._call("GET", "/api/v2/monitor/health")
        except CannotRun:
            return {}
        return found

    def is_warm(self) -> bool:
        """Have the API that tasks speak to build itself, and say whether it has: the first call takes 5 s and more,
        which is as long as a task would wait for it.
        """
        try:
            self._call("GET", "/execution/health")
        except CannotRun:
            return False
        return True

    def log_in(self) -> None:
        """Fetch the token that the other calls send."""
        token = self._call("POST", "/auth/token", {"username": ADMIN, "password": self._password})
        self._token = token["access_token"]

    def knows(self, dag_id: str) -> bool:
        """Say whether the DAG's file has been parsed into the database."""
        return bool(self._call("GET", f"/api/v2/dags?dag_id_pattern={dag_id}")["total_entries"])

    def import_errors(self, since: datetime) -> list[str]:
        """Return why DAG files could not be read; what was found before `since` may be repaired by now."""
        found = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return [
            f"{error['filename']}: {error['stack_trace'].strip().splitlines()[-1]}"
            for error in found
            if datetime.fromisoformat(error["timestamp"]) >= since
        ]

    def unpause(self, dag_id: str) -> None:
        """Switch the DAG on."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})

    def trigger(self, dag_id: str) -> str:
        """Start a run and return its Airflow run id."""
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None})["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the run's state: queued, running, success or failed."""
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def task_states(self, dag_id: str, run_id: str) -> list[tuple[str, str]]:
        """Return (task id, state) of every task instance of the run, in the order they were made."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100"
        return [(task["task_id"], task["state"] or "waiting") for task in self._call("GET", path)["task_instances"]]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(self._base_url + path, method=method)
        request.add_header("Accept", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        # Past any proxy of the environment: this is our own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=HTTP_TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")[:500]
            raise CannotRun(f"Airflow answered {error.code} to {method} {path}: {words}") from error
        except (OSError, ValueError) as error:
            raise CannotRun(f"Airflow did not answer {method} {path}: {error}") from error
