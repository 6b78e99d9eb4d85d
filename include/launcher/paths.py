"""Where the project and its state are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
AIRFLOW_SETTINGS = ROOT / "include" / "config" / "airflow.env"


def state_folder() -> Path:
    """Return the folder for data, secrets and logs of what runs here: TRADING_HOME, else .trading in the project."""
    return Path(os.environ.get("TRADING_HOME") or ROOT / ".trading").absolute()
