"""Where the project and its state are."""

from __future__ import annotations

import os
from pathlib import Path

from include.launcher.errors import CannotRun

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
AIRFLOW_SETTINGS = ROOT / "include" / "config" / "airflow.env"


def state_folder(name: str = ".trading") -> Path:
    """Return the folder for data, secrets and logs of what runs here: TRADING_HOME, else one of the project's own."""
    return Path(os.environ.get("TRADING_HOME") or ROOT / name).absolute()


def usable_state_folder(name: str = ".trading") -> Path:
    """Return `state_folder`, made where it is missing; raises CannotRun when it cannot be made or written to."""
    folder = state_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        usable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise CannotRun(
            f"TRADING_HOME must be a folder that can be written to; {folder} cannot be made: {error}."
        ) from error
    if not usable:
        raise CannotRun(f"TRADING_HOME must be a folder that can be written to; {folder} cannot.")
    return folder
