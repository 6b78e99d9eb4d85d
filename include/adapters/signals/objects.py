"""An object of a store that needs no connection of Airflow, through fsspec where that is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from include.adapters.outside import Stored, stored_in
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
        stored = stored_in(store, path)
    except Exception as error:
        raise NotFound(f"{type(error).__name__}: {error}"[:300]) from error
    with stored.content:
        yield stored
