"""A Python that is too old or too new gets a sentence, whatever it can read."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from include.launcher import interpreter
from include.launcher.paths import ROOT

READ_BY_OLD_PYTHONS = ("include/run.py", "include/launcher/interpreter.py", "include/launcher/__init__.py")


@pytest.mark.parametrize("version", [(3, 11), (3, 12, 4), (3, 13)])
def test_the_pythons_of_airflow_3_3_are_suitable(version: tuple[int, ...]) -> None:
    assert interpreter.is_suitable(version)


@pytest.mark.parametrize("version", [(2, 7), (3, 6), (3, 10, 13), (3, 14), (4, 0)])
def test_other_pythons_are_not_and_the_sentence_names_them(version: tuple[int, ...]) -> None:
    assert not interpreter.is_suitable(version)
    assert f"this is Python {version[0]}.{version[1]} " in interpreter.complaint(version)


@pytest.mark.parametrize("name", READ_BY_OLD_PYTHONS)
def test_what_an_old_python_meets_first_has_nothing_it_cannot_read(name: str) -> None:
    source = (ROOT / name).read_text()

    ast.parse(source, feature_version=(3, 6))

    assert "from __future__ import annotations" not in source  # Python 3.7


def test_a_name_on_the_path_that_runs_nothing_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, body in {"python3.13": "exit 127", "python3.12": f'exec {sys.executable} "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")

    assert interpreter.find_suitable() == str(tmp_path / "python3.12")


def test_the_entry_script_runs_from_any_folder(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-I", str(ROOT / "include" / "run.py"), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "demo" in shown
