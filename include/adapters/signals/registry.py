"""The signal sources by the word that a strategy names them with: a new source is one more entry here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.adapters.connection import ConnectionParts
from include.trading.ports import SignalSource
from include.trading.strategy.spec import Strategy

Connections = Callable[[str], ConnectionParts]


def _service(strategy: Strategy, connections: Connections, **options: Any) -> SignalSource:
    from include.adapters.http.endpoint import Endpoint
    from include.adapters.signals.service import SignalServiceClient

    return SignalServiceClient(Endpoint.of(connections(strategy.signals.connection), "signal_service"), **options)


SOURCES: dict[str, Callable[..., SignalSource]] = {"service": _service}


def open_signals(strategy: Strategy, connections: Connections, **options: Any) -> SignalSource:
    """Open a strategy's source. options: correlation_id, retry_delays_seconds."""
    return SOURCES["service"](strategy, connections, **options)
