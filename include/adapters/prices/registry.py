"""The price sources by the word that a strategy names them with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from include.adapters.connection import ConnectionParts
from include.trading.errors import NotFound
from include.trading.ports import PriceSource
from include.trading.strategy.prices_spec import PRICES, AlpacaPrices, PricesSpec
from include.trading.strategy.spec import Strategy, learn

if TYPE_CHECKING:
    from include.adapters.http.endpoint import Endpoint

DATA_URL: Final = "https://data.alpaca.markets"
DEFAULT_CONNECTION: Final = AlpacaPrices().connection

Connections = Callable[[str], ConnectionParts]
# Given the source's parameters, the connections, and the options correlation_id and retry_delays_seconds.
Opener = Callable[..., PriceSource]


def _alpaca(spec: AlpacaPrices, connections: Connections, **options: Any) -> PriceSource:
    from include.adapters.http.endpoint import Endpoint
    from include.adapters.prices.alpaca import MarketDataClient

    parts = connections(spec.connection)
    endpoint = with_the_venues_keys(parts) if _is_alpacas(parts) else Endpoint.of(parts, "market_data")
    return MarketDataClient(endpoint, **options)


def with_the_venues_keys(parts: ConnectionParts) -> Endpoint:
    """Return where the keys of an Alpaca account read market data: at Alpaca's host for it; an emulator serves both."""
    from include.adapters.venues.alpaca.client import HOSTS
    from include.adapters.venues.alpaca.kind import AlpacaKind

    venue = AlpacaKind().connect(parts)
    at_alpaca = urlsplit(venue.base_url).hostname in HOSTS
    changes = {"service": "market_data", "account": None, **({"base_url": DATA_URL} if at_alpaca else {})}
    return venue.model_copy(update=changes)


def _is_alpacas(parts: ConnectionParts) -> bool:
    return parts.extra.get("venue") == "alpaca"


def _prices_of(strategy: Strategy, connections: Connections) -> PricesSpec:
    """Return the strategy's prices. Without a connection of that name, an Alpaca venue's own stands for the default."""
    spec = strategy.prices
    if isinstance(spec, AlpacaPrices) and spec.connection == DEFAULT_CONNECTION:
        try:
            connections(spec.connection)
        except NotFound:
            with suppress(NotFound):
                if _is_alpacas(connections(strategy.venue)):
                    return spec.model_copy(update={"connection": strategy.venue})
    return spec


SOURCES: dict[str, Opener] = {AlpacaPrices.word: _alpaca}


def register(spec: type[PricesSpec], opener: Opener) -> None:
    """Add a source: the strategies file takes its word, and strategies that name it are given what the opener opens."""
    learn(PRICES, spec)
    SOURCES[spec.word] = opener


def open_prices(strategy: Strategy, connections: Connections, **options: Any) -> PriceSource:
    """Open a strategy's prices. options: correlation_id, retry_delays_seconds."""
    spec = _prices_of(strategy, connections)
    return SOURCES[spec.word](spec, connections, **options)
