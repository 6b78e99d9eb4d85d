"""Airflow for these tests: a home of its own that is gone afterwards, set before anything imports airflow."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from include.sandbox.runner import Sandbox
    from tests.support.place import Place

ROOT = Path(__file__).resolve().parents[2]
HOME = tempfile.TemporaryDirectory(prefix="daily-trading-airflow-")
atexit.register(HOME.cleanup)

os.environ.update(
    {
        "AIRFLOW_HOME": HOME.name,
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db",
    }
)


@pytest.fixture(scope="session")
def metadata() -> None:
    """Airflow's own tables, in the home of these tests."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    from include.sandbox.runner import start_sandbox

    with start_sandbox(contract="v1", fill_after=0.2) as v1, start_sandbox(contract="v2", fill_after=0.2) as v2:
        yield {"v1": v1, "v2": v2}


@pytest.fixture(params=["v2"])
def place(
    request: pytest.FixtureRequest,
    sandboxes: dict[str, Sandbox],
    ledger_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:
    """An empty ledger and an empty sandbox with the demo's kind of strategy; contract v2 unless parametrized."""
    from tests.support.engine import sandbox_strategy
    from tests.support.environment import as_environment
    from tests.support.place import Place
    from tests.support.tasks import TASKS

    sandbox = sandboxes[request.param]
    sandbox.admin.reset()
    for name, value in as_environment(TASKS).items():
        monkeypatch.setenv(name, value)
    place = Place(sandbox, request.param, ledger_url, tmp_path / "strategies.yaml", monkeypatch)
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(place.strategies))
    place.connect(request.param)
    place.trades(sandbox_strategy())
    return place
