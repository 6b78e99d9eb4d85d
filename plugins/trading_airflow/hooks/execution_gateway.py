"""The Execution Gateway behind an Airflow connection: one hook that only reads, and one that also sends."""

from __future__ import annotations

from airflow.providers.http.hooks.http import HttpHook

from include.adapters.http.endpoint import Endpoint
from include.adapters.venues.gateway.client import GatewayClient, GatewayReader
from trading_airflow.hooks.endpoints import endpoint_of


class GatewayReaderHook(HttpHook):
    """Makes a reader of the gateway: what a run that never sends is given. It has no way to submit."""

    default_conn_name = "execution_gateway"

    def __init__(self, http_conn_id: str = default_conn_name) -> None:
        super().__init__(method="GET", http_conn_id=http_conn_id)

    def endpoint(self) -> Endpoint:
        return endpoint_of(self, "execution_gateway")

    def client(self, correlation_id: str) -> GatewayReader:
        """Return a reader; correlation_id (the run_id) goes with every request. Close it after use."""
        return GatewayReader(self.endpoint(), correlation_id=correlation_id)


class ExecutionGatewayHook(GatewayReaderHook):
    """Makes a client that can send orders."""

    def client(self, correlation_id: str) -> GatewayClient:
        """Return a client that can send; correlation_id (the run_id) goes with every request. Close it after use."""
        return GatewayClient(self.endpoint(), correlation_id=correlation_id)
