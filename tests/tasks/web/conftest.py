"""Airflow's real API server, in this process and over a socket; a ledger and a sandbox of its own for each test."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from tests.support.engine import Engine
from tests.support.web import STRATEGIES, Site, connections

os.environ.update(
    {
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ada:admin,uwe:user,vera:viewer",
    }
)


@pytest.fixture(scope="session")
def strategies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the one strategy of these tests."""
    path = tmp_path_factory.mktemp("web") / "strategies.yaml"
    path.write_text(STRATEGIES)
    return path


@pytest.fixture(scope="session")
def server(strategies: Path) -> Iterator[str]:
    """The base URL of the API server. Its metadata database knows the DAGs, none of them paused."""
    import uvicorn
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb

    initdb()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRADING_STRATEGIES_FILE", str(strategies))
        _store_dags()
        patch.setenv("TRADING_WEB_ROOT_HEALTH", "yes")
        app = create_app(apps="core")
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None)
    socket = config.bind_socket()
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [socket]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        running.should_exit = True
        thread.join()


def _store_dags() -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session
    from sqlalchemy import update

    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name="dags-folder")
    assert not bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)
    with create_session() as session:
        session.execute(update(DagModel).values(is_paused=False))


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2", mode="paper", fill_after=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    running_sandbox.admin.reset()
    return running_sandbox


@pytest.fixture
def site(
    server: str, strategies: Path, ledger_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    # As `airflow api-server` sets it: connections come from the environment, then from the metadata database.
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(strategies))
    for variable, value in connections(sandbox, ledger_url).items():
        monkeypatch.setenv(variable, value)
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
    with httpx.Client(base_url=server, timeout=30) as client:
        yield Site(client, engine, sandbox)
