"""Object stores and databases as Airflow's connections reach them, for sources of signals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from include.adapters.outside import Outside, Stored, stored_in
from include.trading.errors import InvalidData, NotFound


@contextmanager
def open_object(url: str, connection: str) -> Iterator[Stored]:
    """Open an object of a store that Airflow has a provider for; raises NotFound where it cannot be had."""
    from airflow.sdk import ObjectStoragePath

    # Each store's library has its own errors, of no common kind.
    try:
        path = ObjectStoragePath(url, conn_id=connection)
        stored = stored_in(path.fs, path.path)
    except Exception as error:
        raise NotFound(f"{type(error).__name__}: {error}"[:300]) from error
    with stored.content:
        yield stored


def open_database(connection: str) -> AbstractContextManager[Any]:
    """Return what opens a connection of the Python database API, by the provider that is installed for its type."""
    from airflow.sdk import BaseHook

    try:
        hook = BaseHook.get_hook(connection)
    except Exception as error:
        raise InvalidData(
            f"connection {connection!r}: expected one that Airflow has a provider for, found {type(error).__name__}: "
            f"{error}"[:300]
        ) from error
    if not hasattr(hook, "get_conn"):
        raise InvalidData(f"connection {connection!r}: expected a database, found {type(hook).__name__}")

    @contextmanager
    def opened() -> Iterator[Any]:
        with closing(hook.get_conn()) as database:
            yield database

    return opened()


OUTSIDE = Outside(objects=open_object, databases=open_database)
