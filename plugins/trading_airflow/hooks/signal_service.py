"""The Signal Service behind an Airflow connection."""

from __future__ import annotations

from airflow.providers.http.hooks.http import HttpHook

from include.adapters.signals.service import SignalServiceClient
from trading_airflow.hooks.endpoints import endpoint_of


class SignalServiceHook(HttpHook):
    """Makes a client of the Signal Service from a connection."""

    default_conn_name = "signal_service"

    def __init__(self, http_conn_id: str = default_conn_name) -> None:
        super().__init__(method="POST", http_conn_id=http_conn_id)

    def client(self, correlation_id: str) -> SignalServiceClient:
        """Return a client; correlation_id (the run_id) goes with every request. Close it after use."""
        return SignalServiceClient(endpoint_of(self, "signal_service"), correlation_id=correlation_id)
