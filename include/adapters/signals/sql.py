"""Signals from a query: read in a transaction that can only read, a bounded number of rows in a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.outside import Outside
from include.adapters.signals.databases import Asked, ask_database
from include.adapters.signals.tables import Opened, answered_by_rows, fingerprint
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest, SourceHealth
from include.trading.strategy.signals_sql import SqlSignals


class SqlSource(Opened):
    """Asks the database each time."""

    def __init__(self, spec: SqlSignals, connections: Callable[[str], ConnectionParts], outside: Outside) -> None:
        self._spec, self._connections, self._outside = spec, connections, outside

    def check_ready(self) -> SourceHealth:
        """Return what the database is; raises NotFound without its connection. Whether it answers, the query says."""
        parts = self._connections(self._spec.connection)
        return SourceHealth(words=f"{parts.conn_type or 'a database'}, connection {self._spec.connection}")

    def fingerprint(self, ask: SignalRequest) -> str:
        parts = self._connections(self._spec.connection)
        return fingerprint(*self._ask(parts, self._spec.at(ask.as_of_date, ask.session)))

    def signals(self, ask: SignalRequest) -> SignalSet:
        parts = self._connections(self._spec.connection)
        names, rows = self._ask(parts, self._spec.at(ask.as_of_date, ask.session))
        return answered_by_rows(f"sql {self._spec.connection}", names, rows, self._spec, ask)

    def _ask(self, parts: ConnectionParts, query: str) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
        return ask_database(Asked(parts, query, self._spec.timeout_seconds), self._outside)
