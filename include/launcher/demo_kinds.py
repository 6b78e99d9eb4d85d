"""The demo's list of strategies: its own file, and one strategy for each other source of signals.

Their signals are small things in the demo's folder, so their paths are known only when the demo starts.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from include.launcher.strategies import DEMO
from include.trading.strategy.new_entry import with_entry

FOLDER_SETTING = "TRADING_DEMO_FOLDER"
DATABASE = "demo_database"
ASSET = "demo_scores"
FUNCTION = "include.sandbox.example_signals:weights"
HEAD = "# Written again at every start of the demo: copy what you want to keep.\n"
# Days are text in SQLite, and compared as such.
QUERY = "SELECT symbol, weight FROM weights WHERE %(as_of_date)s >= since"
WEIGHTS = {"file": {"NVDA": 0.5, "INTC": -0.5}, "sql": {"ORCL": 0.5, "IBM": -0.5}}


def strategies_with_every_kind(folder: Path) -> Path:
    """Write the strategies file, and what its strategies read, into the folder; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{symbol},{weight}" for symbol, weight in WEIGHTS["file"].items()]
    (folder / "weights.csv").write_text("\n".join(["ticker,weight", *lines]) + "\n")
    _fill(database(folder))
    file, text = folder / "strategies.yaml", HEAD + DEMO.read_text()
    for settings in kinds(folder):
        text = with_entry(file, text, settings)
    file.write_text(text)
    return file


def kinds(folder: Path) -> list[dict[str, Any]]:
    """Return a strategy for each source of signals but the Signal Service, which daily_trading has."""
    return [
        _strategy("from_file", ["NVDA", "INTC"], {"file": {"path": str(folder / "weights.csv"), "dated": "standing"}}),
        _strategy("from_sql", ["ORCL", "IBM"], {"sql": {"connection": DATABASE, "query": QUERY}}),
        _strategy("from_python", ["DIS", "NKE"], {"python": {"function": FUNCTION}}),
        _strategy("from_event", ["TSLA", "F"], {"event": {"under": f"{folder}/events/"}}, {"assets": [ASSET]}),
    ]


def connections(folder: Path) -> dict[str, str]:
    return {f"AIRFLOW_CONN_{DATABASE.upper()}": json.dumps({"conn_type": "sqlite", "host": str(database(folder))})}


def database(folder: Path) -> Path:
    return folder / "weights.sqlite"


def _strategy(
    id: str, symbols: list[str], signals: dict[str, Any], schedule: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "id": id,
        "owner": "sandbox",
        "tags": ["sandbox"],
        "schedule": schedule,
        "mode": "paper",
        "sandbox_only": True,
        "market_hours": False,
        "signals": signals,
        # The strategies of one account share no symbol.
        "symbols": symbols,
        "capital": 100000,
        "max_position_size": 10000,
    }


def _fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS weights (symbol TEXT PRIMARY KEY, weight REAL, since TEXT)")
        rows = [(symbol, weight, "2005-01-03") for symbol, weight in WEIGHTS["sql"].items()]
        connection.executemany("INSERT OR REPLACE INTO weights VALUES (?, ?, ?)", rows)
