"""Counts what a run asks of the ledger's database, by letting PostgreSQL log every statement with its duration."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.bench.results import Incomplete, Queries
from tests.bench.stack import BenchStack
from tests.support.databases import database_name

# As `2026-01-05 14:30:00.000 UTC [4711] LOG:  duration: 0.123 ms  execute <unnamed>: SELECT …`; a statement with
# parameters is logged three times, parsed, bound and executed, and each takes its own time.
LINE = re.compile(r"^\S+ \S+ \S+ \[(?P<pid>\d+)\] (?P<rest>.*)$")
DURATION = re.compile(r"LOG:  duration: (?P<milliseconds>[\d.]+) ms  (?P<phase>parse|bind|execute|statement)\b")
# What the pooler says between two clients to which it lends a connection.
LENT = "statement: DISCARD ALL"
# Every task first notes its step, whose name is a parameter.
TASKS = ("fetch_signals", "map_orders", "submit_orders", "track_fills")
TASK = re.compile(rf"= '({'|'.join(TASKS)})'")
OTHERS = "others (watchdog, callbacks)"


@contextmanager
def logged_queries(stack: BenchStack) -> Iterator[dict[str, Queries]]:
    """Log the statements of sessions opened inside; yields what is filled, by task, at the end.

    Raises Incomplete when the log has nothing of one of the tasks.
    """
    counted: dict[str, Queries] = {}
    url = stack.stack.ledger_url
    with psycopg.connect(url, autocommit=True) as connection:
        ((data,),) = connection.execute("SHOW data_directory").fetchall()
        log = Path(data).with_name("postgres.log")
        database = sql.Identifier(database_name(url))
        ((port,),) = connection.execute("SHOW port").fetchall()
        pooled = port != psycopg.conninfo.conninfo_to_dict(url)["port"]
        connection.execute(sql.SQL("ALTER DATABASE {} SET log_min_duration_statement = 0").format(database))
        if pooled:
            _reconnect(url)
        start = log.stat().st_size
        try:
            yield counted
            with log.open(encoding="utf-8", errors="replace") as file:
                file.seek(start)
                counted |= count(file)
            if missing := [task for task in TASKS if task not in counted]:
                raise Incomplete(f"PostgreSQL logged no statement of {', '.join(missing)}")
        finally:
            connection.execute(sql.SQL("ALTER DATABASE {} RESET log_min_duration_statement").format(database))
            if pooled:
                _reconnect(url)


def _reconnect(url: str) -> None:
    """Have the pooler make its connections again once they come back: a database's settings hold for new ones."""
    with psycopg.connect(url, dbname="pgbouncer", autocommit=True) as connection:
        connection.execute("RECONNECT")


def count(lines: Iterable[str]) -> dict[str, Queries]:
    """Return the queries in a server's log, by task; each session counts, be its connection new or lent."""
    statements: defaultdict[str, int] = defaultdict(int)
    milliseconds: defaultdict[str, float] = defaultdict(float)
    tasks: dict[str, str] = {}
    lent: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        found = LINE.match(line)
        if found is None:
            # The next line of a statement.
            continue
        pid, rest = found["pid"], found["rest"]
        session = f"{pid}.{lent[pid]}"
        if duration := DURATION.match(rest):
            statements[session] += duration["phase"] in ("execute", "statement")
            milliseconds[session] += float(duration["milliseconds"])
            lent[pid] += LENT in rest
        elif named := TASK.search(rest):
            tasks.setdefault(session, named[1])
    found_by_task: dict[str, Queries] = {}
    for session, number in statements.items():
        task = tasks.get(session, OTHERS)
        before = found_by_task.get(task, Queries(0, 0, 0.0))
        found_by_task[task] = Queries(
            before.connections + 1, before.statements + number, before.milliseconds + milliseconds[session]
        )
    return found_by_task
