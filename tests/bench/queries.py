"""Counts what a run asks of the ledger's database, by letting PostgreSQL log every statement with its duration."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.bench.results import Queries
from tests.bench.stack import BenchStack
from tests.support.databases import database_name

# As `2026-01-05 14:30:00.000 UTC [4711] LOG:  duration: 0.123 ms  execute <unnamed>: SELECT …`; a statement with
# parameters is logged three times, parsed, bound and executed, and each takes its own time.
LINE = re.compile(r"^\S+ \S+ \S+ \[(?P<pid>\d+)\] (?P<rest>.*)$")
DURATION = re.compile(r"LOG:  duration: (?P<milliseconds>[\d.]+) ms  (?P<phase>parse|bind|execute|statement)\b")
# Every task first notes its step, whose name is a parameter.
TASK = re.compile(r"= '(fetch_signals|map_orders|submit_orders|track_fills)'")
OTHERS = "others (watchdog, callbacks)"


@contextmanager
def logged_queries(stack: BenchStack) -> Iterator[dict[str, Queries]]:
    """Log the statements of connections opened inside; yields what is filled, by task, at the end."""
    counted: dict[str, Queries] = {}
    url = stack.stack.ledger_url
    with psycopg.connect(url, autocommit=True) as connection:
        ((data,),) = connection.execute("SHOW data_directory").fetchall()
        log = Path(data).with_name("postgres.log")
        database = sql.Identifier(database_name(url))
        connection.execute(sql.SQL("ALTER DATABASE {} SET log_min_duration_statement = 0").format(database))
        start = log.stat().st_size
        try:
            yield counted
            with log.open(encoding="utf-8", errors="replace") as file:
                file.seek(start)
                counted |= count(file)
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} RESET log_min_duration_statement").format(database))


def count(lines: Iterable[str]) -> dict[str, Queries]:
    """Return the queries in a server's log, by task."""
    statements: defaultdict[str, int] = defaultdict(int)
    milliseconds: defaultdict[str, float] = defaultdict(float)
    tasks: dict[str, str] = {}
    for line in lines:
        found = LINE.match(line)
        if found is None:
            # The next line of a statement.
            continue
        pid, rest = found["pid"], found["rest"]
        if duration := DURATION.match(rest):
            statements[pid] += duration["phase"] in ("execute", "statement")
            milliseconds[pid] += float(duration["milliseconds"])
        elif named := TASK.search(rest):
            tasks.setdefault(pid, named[1])
    found_by_task: dict[str, Queries] = {}
    for pid, number in statements.items():
        task = tasks.get(pid, OTHERS)
        before = found_by_task.get(task, Queries(0, 0, 0.0))
        found_by_task[task] = Queries(
            before.connections + 1, before.statements + number, before.milliseconds + milliseconds[pid]
        )
    return found_by_task
