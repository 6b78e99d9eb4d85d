"""The environment is made from the locks, made again when they change, and says what it lacks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from include.launcher import venv
from include.launcher.errors import CannotRun


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose uv is a script that notes each call and, told to make an environment, links this Python."""
    (tmp_path / "requirements.txt").write_text("# lock\nairflow==1\n")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(
        f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\necho "$*" >> {tmp_path}/words\n'
        f'[ "$1" = venv ] && mkdir -p {tmp_path}/.venv/bin && ln -sf {sys.executable} {tmp_path}/.venv/bin/python\n'
        "exit 0\n"
    )
    (tools / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    return tmp_path


def calls(project: Path) -> list[str]:
    return (project / "calls").read_text().split()


def test_an_unchanged_lock_installs_nothing_again(project: Path) -> None:
    first = venv.ensure(project, venv.RUN)
    second = venv.ensure(project, venv.RUN)

    assert first == second == project / ".venv" / "bin" / "python"
    assert calls(project) == ["venv", "pip"]


def test_a_changed_lock_is_installed_into_the_same_environment(project: Path) -> None:
    venv.ensure(project, venv.RUN)
    (project / "requirements.txt").write_text("airflow==2\n")

    venv.ensure(project, venv.RUN)

    assert calls(project) == ["venv", "pip", "pip"]


def test_an_environment_whose_python_is_gone_is_made_again(project: Path) -> None:
    python = venv.ensure(project, venv.RUN)
    python.unlink()

    venv.ensure(project, venv.RUN)

    assert calls(project) == ["venv", "pip", "venv", "pip"]


def test_the_packages_for_tests_are_installed_on_top(project: Path) -> None:
    (project / "requirements-dev.txt").write_text("ruff==1\n")
    (project / venv.FILES_ONLY).write_text("specs==1\n")
    venv.ensure(project, venv.RUN)

    venv.ensure(project, venv.DEVELOP)
    venv.ensure(project, venv.RUN)

    assert calls(project) == ["venv", "pip", "pip", "pip"]


def test_packages_of_files_only_are_installed_last_and_without_what_they_need(project: Path) -> None:
    (project / "requirements-dev.txt").write_text("ruff==1\n")
    (project / venv.FILES_ONLY).write_text("specs==1\n")

    venv.ensure(project, venv.DEVELOP)

    *_, needed, alone = (project / "words").read_text().splitlines()
    assert needed.endswith("-r requirements.txt -r requirements-dev.txt")
    assert alone.endswith(f"--no-deps -r {venv.FILES_ONLY}")


def test_a_python_without_the_venv_module_is_told_what_to_install(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    with pytest.raises(CannotRun, match=r"apt install python3\.\d+-venv"):
        venv.ensure(project, venv.RUN)


def test_an_environment_of_another_python_is_said_and_not_used_in_silence(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.ensure(project, venv.RUN)
    (project / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.1.7\n")

    venv.ensure(project, venv.RUN)

    assert "Running on Python 3.1, " in capsys.readouterr().err


def test_an_environment_of_this_python_needs_no_words(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    venv.ensure(project, venv.RUN)
    version = "{}.{}.{}".format(*sys.version_info)
    (project / ".venv" / "pyvenv.cfg").write_text(f"version_info = {version}\n")

    venv.ensure(project, venv.RUN)

    assert capsys.readouterr().err == ""
