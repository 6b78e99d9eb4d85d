"""The price sources by the word that a strategy names them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.adapters.connection import ConnectionParts
from include.trading.ports import PriceSource
from include.trading.strategy.prices_spec import PRICES, AlpacaPrices, PricesSpec
from include.trading.strategy.spec import Strategy, learn

Connections = Callable[[str], ConnectionParts]
# Given the source's parameters, the connections, and the options correlation_id and retry_delays_seconds.
Opener = Callable[..., PriceSource]


def _alpaca(spec: AlpacaPrices, connections: Connections, **options: Any) -> PriceSource:
    from include.adapters.http.endpoint import Endpoint
    from include.adapters.prices.alpaca import MarketDataClient

    return MarketDataClient(Endpoint.of(connections(spec.connection), "market_data"), **options)


SOURCES: dict[str, Opener] = {AlpacaPrices.word: _alpaca}


def register(spec: type[PricesSpec], opener: Opener) -> None:
    """Add a source: the strategies file takes its word, and strategies that name it are given what the opener opens."""
    learn(PRICES, spec)
    SOURCES[spec.word] = opener


def open_prices(strategy: Strategy, connections: Connections, **options: Any) -> PriceSource:
    """Open a strategy's prices. options: correlation_id, retry_delays_seconds."""
    return SOURCES[strategy.prices.word](strategy.prices, connections, **options)
