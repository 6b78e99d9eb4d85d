"""How Alpaca is opened from a connection."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from include.adapters.connection import ConnectionParts
from include.adapters.http.endpoint import Endpoint
from include.adapters.venues.alpaca.client import HOSTS, TRAITS, AlpacaReader, AlpacaVenue
from include.trading.errors import InvalidData
from include.trading.ports import VenueTraits


class AlpacaKind:
    """The Trading API: host paper or live, key id as login, secret as password, the account's name in the extra."""

    def connect(self, parts: ConnectionParts) -> Endpoint:
        """Return the checked connection; the keys never go to Alpaca unencrypted."""
        endpoint = Endpoint.of(parts, "alpaca")
        address = urlsplit(endpoint.base_url)
        if address.hostname in HOSTS and address.scheme != "https":
            raise InvalidData(
                f"connection {parts.connection_id!r}: expected https://{address.hostname}, got {endpoint.base_url}: "
                "the keys would go there unencrypted; set its host with https:// or its schema to https"
            )
        return endpoint

    def traits(self, connection: Endpoint) -> VenueTraits:
        return TRAITS

    def reader(self, connection: Endpoint, **options: Any) -> AlpacaReader:
        return AlpacaReader(connection, **options)

    def venue(self, connection: Endpoint, **options: Any) -> AlpacaVenue:
        return AlpacaVenue(connection, **options)
