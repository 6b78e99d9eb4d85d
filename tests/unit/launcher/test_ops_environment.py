"""The commands for the person on duty find the running demo, and never overrule connections that are set."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.launcher import ops_environment
from include.launcher.errors import CannotRun
from include.launcher.paths import usable_state_folder

DEMO = {
    "AIRFLOW_CONN_TRADING_LEDGER": "postgresql://demo",
    "AIRFLOW_CONN_EXECUTION_GATEWAY": "http://127.0.0.1:8002",
    "TRADING_STRATEGIES_FILE": "demo.yaml",
    "AIRFLOW__CORE__FERNET_KEY": "secret",
}


def test_the_running_demos_connections_are_used_and_none_of_airflows_secrets(tmp_path: Path) -> None:
    ops_environment.keep(tmp_path, DEMO)

    found = ops_environment.environment(tmp_path, {"HOME": "/root"})

    assert found == {"HOME": "/root"} | {name: text for name, text in DEMO.items() if "FERNET" not in name}


def test_only_its_owner_can_read_what_is_kept(tmp_path: Path) -> None:
    ops_environment.keep(tmp_path, DEMO)

    (kept,) = tmp_path.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_an_environment_with_a_ledger_of_its_own_is_left_alone(tmp_path: Path) -> None:
    ops_environment.keep(tmp_path, DEMO)
    given = {"AIRFLOW_CONN_TRADING_LEDGER": "postgresql://production"}

    assert ops_environment.environment(tmp_path, given) == given


def test_a_demo_that_has_stopped_is_forgotten(tmp_path: Path) -> None:
    ops_environment.keep(tmp_path, DEMO)
    ops_environment.forget(tmp_path)

    assert ops_environment.environment(tmp_path, {}) == {}


def test_a_home_that_cannot_be_made_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_HOME", "/proc/nope")

    with pytest.raises(CannotRun, match="TRADING_HOME must be a folder that can be written to"):
        usable_state_folder()


def test_connections_of_yours_are_not_mixed_with_the_demos_ledger(tmp_path: Path) -> None:
    ops_environment.keep(tmp_path, DEMO)
    given = {"AIRFLOW_CONN_EXECUTION_GATEWAY": "https://t4.example.com"}

    with pytest.raises(CannotRun, match=r"AIRFLOW_CONN_EXECUTION_GATEWAY, but not AIRFLOW_CONN_TRADING_LEDGER"):
        ops_environment.environment(tmp_path, given)


def test_what_the_demo_was_started_with_stays_usable(tmp_path: Path) -> None:
    own = {"AIRFLOW_CONN_STORE": "aws://"}
    ops_environment.keep(tmp_path, DEMO | own)

    assert ops_environment.environment(tmp_path, own)["AIRFLOW_CONN_TRADING_LEDGER"] == "postgresql://demo"
