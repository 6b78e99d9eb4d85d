"""What a source may need from Airflow, handed in by whoever opens it: object stores and databases by connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from include.trading.errors import InvalidData


class Stored(NamedTuple):
    """A file that is open for reading. modified_at, size: None where its store does not tell."""

    content: IO[bytes]
    size: int | None
    modified_at: datetime | None


# Given a URL and the connection to reach its store with. Raises NotFound where there is no such file.
OpenObject = Callable[[str, str], AbstractContextManager[Stored]]
# Given the id of a connection; what it opens is a connection of the Python database API.
OpenDatabase = Callable[[str], AbstractContextManager[Any]]


def _no_object(url: str, connection: str) -> AbstractContextManager[Stored]:
    raise InvalidData(
        f"{url}: expected no connection, because {connection} is reached through Airflow and this is not a task of it"
    )


def _no_database(connection: str) -> AbstractContextManager[Any]:
    raise InvalidData(
        f"connection {connection!r}: expected a connection of type postgres or sqlite, because others are reached "
        "through Airflow and this is not a task of it"
    )


@dataclass(frozen=True)
class Outside:
    """By default what works without Airflow: no more than files and objects, PostgreSQL and SQLite."""

    objects: OpenObject = _no_object
    databases: OpenDatabase = _no_database


def stored_in(store: Any, path: str) -> Stored:
    """Return an object of an fsspec file system, open for reading."""
    facts = store.info(path)
    return Stored(store.open(path, "rb"), facts.get("size"), _modified_at(facts))


def _modified_at(facts: dict[str, Any]) -> datetime | None:
    """Return when the object was written; every store calls it something else, and some do not say."""
    for name in ("LastModified", "last_modified", "updated", "mtime", "modified"):
        match facts.get(name):
            case datetime() as moment:
                return _utc(moment)
            case int() | float() as seconds:
                return datetime.fromtimestamp(seconds, UTC)
            case str() as text:
                try:
                    return _utc(datetime.fromisoformat(text))
                except ValueError:
                    continue
    return None


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
