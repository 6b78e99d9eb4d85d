"""Market data behind an Airflow connection."""

from __future__ import annotations

from airflow.providers.http.hooks.http import HttpHook

from include.adapters.prices.alpaca import MarketDataClient
from trading_airflow.hooks.endpoints import endpoint_of


class MarketDataHook(HttpHook):
    """Makes a client of the market data API from a connection."""

    default_conn_name = "market_data"

    def __init__(self, http_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=http_conn_id)

    def client(self, correlation_id: str) -> MarketDataClient:
        """Return a client; correlation_id (the run_id) goes with every request. Close it after use."""
        return MarketDataClient(endpoint_of(self, "market_data"), correlation_id=correlation_id)
