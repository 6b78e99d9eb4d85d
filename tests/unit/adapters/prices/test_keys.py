"""Which keys read the market data: those of the connection that is named, or by default an Alpaca venue's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.prices.alpaca import MarketDataClient
from include.adapters.prices.registry import open_prices
from include.trading.errors import InvalidData, NotFound
from tests.support.planning import strategy

ALPACA = {"login": "PKVENUE", "password": "word", "extra": {"venue": "alpaca", "account": "main"}}
PAPER = ConnectionParts("alpaca_paper", host="https://paper-api.alpaca.markets", **ALPACA)
GATEWAY = ConnectionParts("execution_gateway", host="http://t4", extra={"contract": "v2", "account": "main"})
DATA = ConnectionParts("market_data", host="https://data.example.com", login="PKDATA", password="word")


def among(*parts: ConnectionParts) -> Callable[[str], ConnectionParts]:
    named = {each.connection_id: each for each in parts}

    def find(connection_id: str) -> ConnectionParts:
        if connection_id not in named:
            raise NotFound(f"connection {connection_id!r} does not exist")
        return named[connection_id]

    return find


def read_from(*parts: ConnectionParts, **changes: Any) -> tuple[str, str, str, str]:
    """Return connection, address, key id and feed of the prices of a strategy at alpaca_paper."""
    entry = {"venue": "alpaca_paper"} | changes
    opened = open_prices(strategy(**entry), among(*parts), correlation_id="test")
    assert isinstance(opened, MarketDataClient)
    endpoint = opened.endpoint
    assert endpoint.api_key is not None
    return endpoint.connection_id, endpoint.base_url, endpoint.api_key.get_secret_value(), endpoint.feed


def test_market_data_has_its_own_connection_where_there_is_one() -> None:
    assert read_from(PAPER, DATA) == ("market_data", "https://data.example.com", "PKDATA", "iex")


def test_without_one_the_keys_of_the_alpaca_venue_read_it_at_alpacas_host_for_it() -> None:
    assert read_from(PAPER) == ("alpaca_paper", "https://data.alpaca.markets", "PKVENUE", "iex")


def test_a_venues_connection_may_be_named_and_says_which_feed() -> None:
    extra = {"venue": "alpaca", "account": "main", "feed": "sip"}
    live = ConnectionParts("live", host="https://api.alpaca.markets", login="AKLIVE", password="word", extra=extra)

    found = read_from(PAPER, DATA, live, prices={"alpaca": {"connection": "live"}})

    assert found == ("live", "https://data.alpaca.markets", "AKLIVE", "sip")


def test_an_emulator_serves_trading_and_data_at_one_address() -> None:
    emulator = ConnectionParts("alpaca_paper", host="http://127.0.0.1:8005", **ALPACA)

    assert read_from(emulator)[1] == "http://127.0.0.1:8005"


@pytest.mark.parametrize(
    ("parts", "changes"),
    [
        ((GATEWAY,), {"venue": "execution_gateway"}),
        ((), {}),
        ((PAPER,), {"prices": {"alpaca": {"connection": "other"}}}),
    ],
    ids=["a gateway's", "no venue", "another is named"],
)
def test_no_other_keys_stand_in(parts: tuple[ConnectionParts, ...], changes: dict[str, Any]) -> None:
    with pytest.raises(NotFound, match=r"'market_data'|'other'"):
        read_from(*parts, **changes)


def test_keys_never_go_to_alpaca_unencrypted() -> None:
    with pytest.raises(InvalidData, match="unencrypted"):
        read_from(ConnectionParts("alpaca_paper", host="http://api.alpaca.markets", **ALPACA))
