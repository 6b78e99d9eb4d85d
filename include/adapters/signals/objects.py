"""An object of a store that needs no connection of Airflow, through fsspec where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from include.adapters.outside import Stored
from include.trading.errors import NotFound, Unavailable


@contextmanager
def open_object(url: str) -> Iterator[Stored]:
    """Open an object with the credentials of the machine; raises NotFound where there is none."""
    try:
        core: Any = import_module("fsspec.core")
    except ImportError:
        raise Unavailable(f"{url}: expected fsspec to read it with, found none: pip install fsspec") from None
    # Each store's library has its own errors, of no common kind.
    try:
        store, path = core.url_to_fs(url)
        stored = opened(store, path)
    except Exception as error:
        raise NotFound(f"{type(error).__name__}: {error}"[:300]) from error
    with stored.content:
        yield stored


def opened(store: Any, path: str) -> Stored:
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
