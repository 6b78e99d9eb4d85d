"""The price sources by the word that a strategy names them with: a new source is one more entry here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.adapters.connection import ConnectionParts
from include.trading.ports import PriceSource
from include.trading.strategy.spec import Strategy

Connections = Callable[[str], ConnectionParts]


def _alpaca(strategy: Strategy, connections: Connections, **options: Any) -> PriceSource:
    from include.adapters.http.endpoint import Endpoint
    from include.adapters.prices.alpaca import MarketDataClient

    return MarketDataClient(Endpoint.of(connections(strategy.prices.connection), "market_data"), **options)


SOURCES: dict[str, Callable[..., PriceSource]] = {"alpaca": _alpaca}


def open_prices(strategy: Strategy, connections: Connections, **options: Any) -> PriceSource:
    """Open a strategy's prices. options: correlation_id, retry_delays_seconds."""
    return SOURCES["alpaca"](strategy, connections, **options)
