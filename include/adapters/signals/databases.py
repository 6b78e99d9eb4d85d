"""One query to a database: PostgreSQL and SQLite without Airflow, every other through a connection that it opens."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from include.adapters.connection import ConnectionParts
from include.adapters.outside import Outside
from include.trading.depth import TOO_DEEP, is_too_deep
from include.trading.errors import BadAnswer, InvalidData, TradingError, Unavailable
from include.trading.signals.table import MOST_ROWS
from include.trading.text import one_line

Found = tuple[Sequence[str], Sequence[Sequence[Any]]]

# What makes a transaction of it one that can only read, where a database of this type has that.
READ_ONLY: Final = {
    "mysql": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
# Of what an Airflow connection may say more; what else stands there is Airflow's own.
_LIBPQ: Final = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options", "target_session_attrs", "application_name")


@dataclass(frozen=True)
class Asked:
    """A query, whom to ask it and for how long."""

    parts: ConnectionParts
    query: str
    seconds: int

    @property
    def name(self) -> str:
        return self.parts.connection_id


def ask_database(asked: Asked, outside: Outside) -> Found:
    """Return the names of the columns and the rows.

    Raises Unavailable when the database does not answer in time, BadAnswer when it answers that the query is wrong, as
    for one that writes, or with more rows than a day has.
    """
    match asked.parts.conn_type:
        # A token instead of a password is what Airflow's provider knows how to get.
        case "postgres" | "postgresql" if not asked.parts.extra.get("iam"):
            return _postgres(asked)
        case "sqlite":
            return _sqlite(asked)
        case _:
            return _other(asked, outside)


def _postgres(asked: Asked) -> Found:
    import psycopg

    parts = asked.parts
    given = {
        **{name: parts.extra[name] for name in _LIBPQ if name in parts.extra},
        # A socket's folder stands in the query of a URL.
        "host": parts.host or parts.extra.get("host"),
        "port": parts.port,
        "dbname": parts.schema,
        "user": parts.login,
        "password": parts.password,
    }
    try:
        with psycopg.connect(connect_timeout=10, **{k: v for k, v in given.items() if v is not None}) as connection:
            connection.read_only = True
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(asked.seconds * 1000)])
            # A server-side cursor: it takes nothing but a SELECT, and sends no more rows than are fetched.
            with connection.cursor(name="signals") as cursor:
                cursor.execute(asked.query.encode())
                return _fetched(asked, cursor)
    except psycopg.errors.QueryCanceled as error:
        raise _too_slow(asked) from error
    except RecursionError as error:
        # A value of JSON, which the driver reads.
        raise BadAnswer(f"{_to(asked)}: expected rows, found that {TOO_DEEP}", "") from error
    except psycopg.OperationalError as error:
        raise Unavailable(f"{_to(asked)}: expected an answer, found: {one_line(str(error))[:300]}") from error
    except psycopg.Error as error:
        raise _refused(asked, error) from error


def _sqlite(asked: Asked) -> Found:
    path = Path(asked.parts.host or asked.parts.schema or "")
    if not path.is_absolute():
        raise InvalidData(f"{_to(asked)}: expected an absolute path of the database as its host, found {str(path)!r}")
    until = time.monotonic() + asked.seconds
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=asked.seconds)) as connection:
            connection.set_progress_handler(lambda: int(time.monotonic() > until), 10_000)
            return _fetched(asked, connection.execute(asked.query))
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            raise _too_slow(asked) from error
        if "unable to open" in str(error) or "locked" in str(error):
            raise Unavailable(f"{_to(asked)}: expected a database that can be read, found: {error}") from error
        raise _refused(asked, error) from error
    except sqlite3.Error as error:
        raise _refused(asked, error) from error


def _other(asked: Asked, outside: Outside) -> Found:
    """Ask through what Airflow opens, in a thread: a driver without a time-out must not hold the task."""
    found: list[Found] = []
    failed: list[Exception] = []
    opened: list[Any] = []

    def ask() -> None:
        try:
            with outside.databases(asked.name) as connection:
                opened.append(connection)
                with closing(connection.cursor()) as cursor:
                    if (read_only := READ_ONLY.get(asked.parts.conn_type or "")) is not None:
                        cursor.execute(read_only)
                    cursor.execute(asked.query)
                    found.append(_fetched(asked, cursor))
                # Whatever it was, nothing of it stays.
                connection.rollback()
        except Exception as error:  # noqa: BLE001 - each driver has its own, and it is raised again below
            failed.append(error)

    thread = threading.Thread(target=ask, name=f"query to {asked.name}", daemon=True)
    thread.start()
    thread.join(asked.seconds)
    if thread.is_alive():
        for connection in opened:
            with suppress(Exception):
                connection.close()
        raise _too_slow(asked)
    if failed:
        if isinstance(failed[0], TradingError):
            raise failed[0]
        if not opened:
            why = f"{type(failed[0]).__name__}: {one_line(str(failed[0]))[:300]}"
            raise Unavailable(f"{_to(asked)}: expected a connection, found {why}") from failed[0]
        raise _refused(asked, failed[0]) from failed[0]
    return found[0]


def _fetched(asked: Asked, cursor: Any) -> Found:
    rows = cursor.fetchmany(MOST_ROWS + 1)
    if len(rows) > MOST_ROWS:
        raise BadAnswer(f"{_to(asked)}: expected at most {MOST_ROWS} rows, found more", "")
    if is_too_deep(rows):
        raise BadAnswer(f"{_to(asked)}: expected rows, found that {TOO_DEEP}", "")
    return [column[0] for column in cursor.description or ()], rows


def _to(asked: Asked) -> str:
    return f"the query to {asked.name}"


def _too_slow(asked: Asked) -> Unavailable:
    return Unavailable(f"{_to(asked)}: expected an answer within {asked.seconds} s (timeout_seconds), found none")


def _refused(asked: Asked, error: Exception) -> BadAnswer:
    why = one_line(str(error))[:300]
    return BadAnswer(f"{_to(asked)}: expected rows, found {type(error).__name__}: {why}; it is only ever read", why)
