"""Ports are refused rather than replaced, secrets are kept, the settings file is read as compose reads it."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from include.launcher import settings
from include.launcher.errors import CannotRun
from include.launcher.paths import AIRFLOW_SETTINGS


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_port_in_use_is_refused_naming_port_owner_and_setting(taken_port: int) -> None:
    env = {settings.ALL_PORTS: "auto", "TRADING_GATEWAY_PORT": str(taken_port)}

    with pytest.raises(CannotRun, match=rf"Port {taken_port}, where the Execution Gateway .* set TRADING_GATEWAY_PORT"):
        settings.choose_ports(env)


def test_auto_takes_five_different_free_ports() -> None:
    ports = settings.choose_ports({settings.ALL_PORTS: "auto"})

    assert len({ports.signals, ports.gateway, ports.market, ports.admin, ports.ui}) == 5


def test_a_port_for_alpaca_is_taken_only_where_the_demo_trades_there() -> None:
    env = {settings.ALL_PORTS: "auto"}

    assert "alpaca" not in settings.choose_ports(env).of_sandbox
    assert "alpaca" in settings.choose_ports(env, "alpaca").of_sandbox


@pytest.mark.parametrize("nonsense", ["80a", "0", "65536", "-1", "²"])
def test_a_port_that_is_none_is_refused_naming_the_setting(nonsense: str) -> None:
    with pytest.raises(CannotRun, match="TRADING_UI_PORT must be a port"):
        settings.choose_ports({settings.ALL_PORTS: "auto", "TRADING_UI_PORT": nonsense})


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "state" / "secrets.json"

    first, second = settings.load_secrets(path), settings.load_secrets(path)

    assert first == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"fernet_key": "x"}'])
def test_a_broken_file_of_secrets_is_refused_naming_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(content)

    with pytest.raises(CannotRun, match=rf"{path} is not the file of secrets"):
        settings.load_secrets(path)


def test_an_env_file_is_keys_and_values_with_comment_lines(tmp_path: Path) -> None:
    path = tmp_path / "some.env"
    path.write_text("# why\n\nA=1\nB=x=y # kept\n  C=\n")

    assert settings.read_env_file(path) == {"A": "1", "B": "x=y # kept", "C": ""}


@pytest.mark.parametrize("line", ["no equals sign", "SPACE D=1", "=1", "A=2"])
def test_a_line_that_is_no_setting_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.env"
    path.write_text(f"A=1\n{line}\n")

    with pytest.raises(CannotRun, match=r"some\.env:2 must be KEY=value"):
        settings.read_env_file(path)


def test_every_airflow_setting_has_a_section_a_key_and_a_reason_above_it() -> None:
    lines = AIRFLOW_SETTINGS.read_text().splitlines()

    for before, line in pairwise(lines):
        if line and not line.startswith("#"):
            assert line.startswith("AIRFLOW__")
            assert len(line.partition("=")[0].split("__")) == 3
            assert before.startswith("#"), f"{line} has no reason"
