"""Strategies whose signals are dated files, rows and a function, for backfills: each day has weights of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

CONNECTION = "backfilled_database"
QUERY = "SELECT symbol, weight FROM weights WHERE day = %(as_of_date)s"
# By source, and so by strategy: backfilled_file has the first pair.
SYMBOLS = {"file": ("IBM", "INTC"), "sql": ("ORCL", "CSCO"), "python": ("DIS", "NKE")}


def weights_of(source: str, day: date) -> dict[str, Decimal]:
    """Return a source's weights of a day. No two days within a year have the same."""
    long, short = SYMBOLS[source]
    weight = Decimal(day.toordinal() % 400 + 50) / 1000
    return {long: weight, short: -weight}


def weights(request: Any) -> dict[str, float]:
    """Return the weights of the day that is asked for: the function of backfilled_python."""
    return {symbol: float(weight) for symbol, weight in weights_of("python", request.as_of_date).items()}


def write(folder: Path, days: Iterable[date]) -> None:
    """Write what the file and the query read on these days. All of them are there on each: none may read another's."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for day in days:
        lines = [f"{day},{symbol},{weight}" for symbol, weight in weights_of("file", day).items()]
        (folder / f"{day}.csv").write_text("\n".join(["date,symbol,weight", *lines]) + "\n")
        rows += [(str(day), symbol, float(weight)) for symbol, weight in weights_of("sql", day).items()]
    with closing(sqlite3.connect(_database(folder))) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS weights (day TEXT, symbol TEXT, weight REAL)")
        connection.execute("DELETE FROM weights")
        connection.executemany("INSERT INTO weights VALUES (?, ?, ?)", rows)


def signals(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the `signals` of each strategy, by source."""
    return {
        "file": {"path": f"{folder}/{{as_of_date}}.csv"},
        "sql": {"connection": CONNECTION, "query": QUERY},
        "python": {"function": "tests.e2e.dated_sources:weights"},
    }


def connections(folder: Path) -> dict[str, str]:
    return {f"AIRFLOW_CONN_{CONNECTION.upper()}": json.dumps({"conn_type": "sqlite", "host": str(_database(folder))})}


def _database(folder: Path) -> Path:
    return folder / "weights.sqlite"
