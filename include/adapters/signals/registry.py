"""The signal sources by the word that a strategy names them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.outside import Outside
from include.trading.ports import SignalSource
from include.trading.strategy.signals_spec import (
    SIGNALS,
    EventSignals,
    FileSignals,
    PythonSignals,
    ServiceSignals,
    SignalsSpec,
    SqlSignals,
)
from include.trading.strategy.signals_table import TableSignals
from include.trading.strategy.spec import Strategy, learn

Connections = Callable[[str], ConnectionParts]
# Given the source's parameters, the connections, and the options correlation_id and retry_delays_seconds.
Opener = Callable[..., SignalSource]


def _service(spec: ServiceSignals, connections: Connections, **options: Any) -> SignalSource:
    from include.adapters.http.endpoint import Endpoint
    from include.adapters.signals.service import ServiceSource

    return ServiceSource(Endpoint.of(connections(spec.connection), "signal_service"), spec, **options)


def _file(spec: FileSignals, connections: Connections, outside: Outside) -> SignalSource:
    from include.adapters.signals.file import FileSource

    return FileSource(spec, outside)


def _sql(spec: SqlSignals, connections: Connections, outside: Outside) -> SignalSource:
    from include.adapters.signals.sql import SqlSource

    return SqlSource(spec, connections, outside)


def _python(spec: PythonSignals, connections: Connections, outside: Outside) -> SignalSource:
    from include.adapters.signals.python import PythonSource

    return PythonSource(spec)


def _event(spec: EventSignals, connections: Connections, outside: Outside) -> SignalSource:
    from include.adapters.signals.event import EventSource

    return EventSource(spec, outside)


SOURCES: dict[str, Opener] = {
    ServiceSignals.word: _service,
    FileSignals.word: _file,
    SqlSignals.word: _sql,
    PythonSignals.word: _python,
    EventSignals.word: _event,
}


def register(spec: type[SignalsSpec], opener: Opener) -> None:
    """Add a source: the strategies file takes its word, and strategies that name it are given what the opener opens."""
    learn(SIGNALS, spec)
    SOURCES[spec.word] = opener


def open_signals(
    strategy: Strategy, connections: Connections, *, outside: Outside | None = None, **options: Any
) -> SignalSource:
    """Open a strategy's source. outside: by default what works without Airflow.

    options: correlation_id, retry_delays_seconds.
    """
    spec = strategy.signals
    if isinstance(spec, TableSignals):
        # It may need what Airflow opens; it makes no requests that could be repeated or correlated.
        return SOURCES[spec.word](spec, connections, outside or Outside())
    return SOURCES[spec.word](spec, connections, **options)
