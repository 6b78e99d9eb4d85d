"""Which PgBouncer the demo takes, if any."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.launcher.errors import CannotRun
from tests.support import pooler
from tests.support.pooler import SETTING, find_pooler


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pgbouncer on the PATH, which is the only one on this machine."""
    program = tmp_path / "pgbouncer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pooler, "MORE_FOLDERS", ())
    monkeypatch.delenv(SETTING, raising=False)
    return program


def test_the_one_on_the_path_is_taken(installed: Path) -> None:
    assert find_pooler() == installed


def test_one_where_debian_keeps_it_is_found_too(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(pooler, "MORE_FOLDERS", (str(installed.parent),))

    assert find_pooler() == installed


def test_there_may_be_none(installed: Path) -> None:
    installed.unlink()

    assert find_pooler() is None


def test_off_is_none_though_one_is_there(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, "off")

    assert installed.exists()
    assert find_pooler() is None


def test_one_by_its_path_is_taken(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = installed.rename(installed.with_name("other"))
    monkeypatch.setenv(SETTING, str(other))

    assert find_pooler() == other


@pytest.mark.parametrize("wrong", ["on", "/nowhere/pgbouncer", "/"])
def test_what_is_no_program_is_refused(installed: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(SETTING, wrong)

    with pytest.raises(CannotRun, match=f"{SETTING} must be the path of a pgbouncer, or off; it is '{wrong}'"):
        find_pooler()
