"""The project's DAG files, read as Airflow reads them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import DAG

from include.trading.strategy.spec import Strategy

ROOT = Path(__file__).resolve().parents[2]
DAGS = ROOT / "dags"


def write_strategies(path: Path, *entries: Strategy | dict[str, Any]) -> Path:
    """Write a strategies file; an entry that is no Strategy is written as it is, right or wrong."""
    plain = [
        entry.model_dump(mode="json", exclude_defaults=True) if isinstance(entry, Strategy) else entry
        for entry in entries
    ]
    path.write_text(yaml.safe_dump({"strategies": plain}))
    return path


def read_dags(file: str = "daily_trading.py") -> dict[str, DAG]:
    """Run a DAG file again, with the strategies file and settings of the environment; return its DAGs."""
    return {name: value for name, value in runpy.run_path(str(DAGS / file)).items() if isinstance(value, DAG)}
