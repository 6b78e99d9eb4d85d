"""The virtual environment: made from the lock files, made again when they change."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from include.launcher.errors import CannotRun

RUN = ("requirements.txt",)
NEXT_AIRFLOW = "apache-airflow>=3.4.0b1,<3.5"
# Packages that the tests read files of: installed without what they need themselves.
FILES_ONLY = "requirements-files.txt"
DEVELOP = ("requirements.txt", "requirements-dev.txt", FILES_ONLY)


def ensure(root: Path, locks: Sequence[str]) -> Path:
    """Return the Python of an environment that holds the locked packages; quick when nothing changed."""
    venv = root / ".venv"
    python = venv / "bin" / "python"
    if python.exists() and _is_stamped(root, venv, locks):
        _say_which_python(venv)
        return python
    count = sum(line[:1].isalnum() for lock in locks for line in (root / lock).read_text().splitlines())
    print(f"Installing {count} locked packages into {venv} (once; a minute or two) ...", flush=True)
    uv = shutil.which("uv")
    if not (uv and _installed_with_uv(uv, root, venv, locks)):
        _install_with_pip(root, venv, locks)
    _stamp(root, venv, locks)
    return python


def ensure_next(root: Path) -> Path:
    """Return the Python of `.venv-next`: the packages by name, unlocked, with the newest Airflow 3.4 there is.

    A pre-release counts. Made again when a list of packages changed; delete the folder to look for newer versions.
    """
    venv, named = root / ".venv-next", ("requirements.in", "requirements-dev.in")
    lists = (*named, FILES_ONLY)
    python = venv / "bin" / "python"
    if python.exists() and _is_stamped(root, venv, lists):
        return python
    if sentence := missing_module():
        raise CannotRun(sentence)
    print(f"Installing the newest Airflow 3.4 and what it needs into {venv} ...", flush=True)
    lines = [
        line for name in named for line in (root / name).read_text().splitlines() if line[:1] not in ("", "#", "-")
    ]
    packages = [NEXT_AIRFLOW if line.startswith("apache-airflow==") else line for line in lines]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    made = _succeeds([sys.executable, "-m", "venv", "--clear", str(venv)], root)
    if not (made and _succeeds([*pip, *packages], root) and _succeeds([*pip, "--no-deps", "-r", FILES_ONLY], root)):
        raise CannotRun("Airflow 3.4 could not be installed (the reason is above): correct that and try again.")
    _stamp(root, venv, lists)
    return python


def _say_which_python(venv: Path) -> None:
    """Say so when the environment was made with another Python than the one that was asked for."""
    config = venv / "pyvenv.cfg"
    made_with = config.read_text() if config.exists() else ""
    asked_for = f"{sys.version_info[0]}.{sys.version_info[1]}"
    found = re.search(r"^version(?:_info)? *= *(\d+\.\d+)", made_with, re.MULTILINE)
    if found and found[1] != asked_for:
        print(
            f"Running on Python {found[1]}, with which {venv} was made; to use Python {asked_for}, delete that folder.",
            file=sys.stderr,
            flush=True,
        )


def missing_module() -> str | None:
    """Return the sentence for a Python that cannot make environments (Debian ships it so), None when it can."""
    if all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        return None
    return (
        f"This Python ({sys.executable}) lacks its venv module: install it (Debian, Ubuntu: `apt install "
        f"python{sys.version_info[0]}.{sys.version_info[1]}-venv`), or install uv, then run the same command again."
    )


def _installed_with_uv(uv: str, root: Path, venv: Path, locks: Sequence[str]) -> bool:
    python = venv / "bin" / "python"
    made = python.exists() or _succeeds([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)], root)
    # Compiled here, once: otherwise the first start of Airflow compiles in all its processes at the same time.
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    if made and all(_succeeds([*install, *words], root) for words in _requirements(locks)):
        return True
    print("uv could not install them (its words are above), trying pip ...", flush=True)
    return False


def _install_with_pip(root: Path, venv: Path, locks: Sequence[str]) -> None:
    if sentence := missing_module():
        raise CannotRun(sentence)
    python = venv / "bin" / "python"
    if not _succeeds([sys.executable, "-m", "venv", *(() if python.exists() else ("--clear",)), str(venv)], root):
        raise CannotRun(f"The virtual environment {venv} could not be made (see above): delete it and try again.")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    # The lock is complete, so there is nothing for pip to resolve.
    if not all(_succeeds([*pip, "--no-deps", *words], root) for words in _requirements(locks)):
        raise CannotRun(
            "The locked packages could not be installed (pip's output is above): correct that and try again."
        )


def _requirements(locks: Sequence[str]) -> list[list[str]]:
    """Return what to install, in steps: the locks together, then the packages that come without what they need."""
    together = [word for lock in locks if lock != FILES_ONLY for word in ("-r", lock)]
    return [together, *([["--no-deps", "-r", FILES_ONLY]] if FILES_ONLY in locks else [])]


def _succeeds(command: Sequence[str], root: Path) -> bool:
    return subprocess.run(command, cwd=root, check=False).returncode == 0


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_stamped(root: Path, venv: Path, locks: Sequence[str]) -> bool:
    stamps = [(venv / f"{lock}.sha256", _digest(root / lock)) for lock in locks]
    return all(stamp.exists() and stamp.read_text() == digest for stamp, digest in stamps)


def _stamp(root: Path, venv: Path, locks: Sequence[str]) -> None:
    for lock in locks:
        (venv / f"{lock}.sha256").write_text(_digest(root / lock))
