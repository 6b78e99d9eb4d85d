"""How Alpaca is opened from a connection."""

from __future__ import annotations

from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.http.endpoint import Endpoint
from include.adapters.venues.alpaca.client import TRAITS, AlpacaReader, AlpacaVenue
from include.trading.ports import VenueTraits


class AlpacaKind:
    """The Trading API: host paper or live, key id as login, secret as password, the account's name in the extra."""

    def connect(self, parts: ConnectionParts) -> Endpoint:
        return Endpoint.of(parts, "alpaca")

    def traits(self, connection: Endpoint) -> VenueTraits:
        return TRAITS

    def reader(self, connection: Endpoint, **options: Any) -> AlpacaReader:
        return AlpacaReader(connection, **options)

    def venue(self, connection: Endpoint, **options: Any) -> AlpacaVenue:
        return AlpacaVenue(connection, **options)
