"""How the Execution Gateway is opened from a connection."""

from __future__ import annotations

from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.http.endpoint import Endpoint
from include.adapters.venues.gateway.client import TRAITS, GatewayClient, GatewayReader
from include.trading.errors import InvalidData
from include.trading.ports import VenueTraits


class GatewayKind:
    """The gateway in both contracts; the connection's extra names the contract."""

    def connect(self, parts: ConnectionParts) -> Endpoint:
        return Endpoint.of(parts, "execution_gateway")

    def traits(self, connection: Endpoint) -> VenueTraits:
        if connection.contract is None:
            raise InvalidData(f"connection {connection.connection_id!r}: expected a contract, got none")
        return TRAITS[connection.contract]

    def reader(self, connection: Endpoint, **options: Any) -> GatewayReader:
        return GatewayReader(connection, **options)

    def venue(self, connection: Endpoint, **options: Any) -> GatewayClient:
        return GatewayClient(connection, **options)
