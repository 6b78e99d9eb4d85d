"""The venues by the word that a connection's extra names them with: a new venue is one more entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from include.adapters.connection import ConnectionParts
from include.trading.errors import InvalidData
from include.trading.ports import Venue, VenueConnection, VenueReader, VenueTraits

DEFAULT_KIND = "gateway"


class VenueKind(Protocol):
    """How one kind of venue is opened; each adapter package has one."""

    def connect(self, parts: ConnectionParts) -> VenueConnection:
        """Check a connection's fields without asking the venue; raises InvalidData with what was expected."""
        ...

    def traits(self, connection: Any) -> VenueTraits: ...
    def reader(self, connection: Any, **options: Any) -> VenueReader: ...
    def venue(self, connection: Any, **options: Any) -> Venue: ...


@dataclass(frozen=True)
class VenueAt:
    """A venue behind a checked connection, not yet opened.

    options of `reader` and `venue`: correlation_id (goes with every request), retry_delays_seconds (of reads).
    """

    kind: VenueKind
    connection: VenueConnection

    @property
    def account(self) -> str:
        return self.connection.account or self.connection.connection_id

    @property
    def traits(self) -> VenueTraits:
        return self.kind.traits(self.connection)

    def reader(self, **options: Any) -> VenueReader:
        """Return what can be asked and not traded at."""
        return self.kind.reader(self.connection, **options)

    def venue(self, **options: Any) -> Venue:
        """Return what orders can be sent to."""
        return self.kind.venue(self.connection, **options)


def _gateway() -> VenueKind:
    from include.adapters.venues.gateway.kind import GatewayKind

    return GatewayKind()


def _alpaca() -> VenueKind:
    from include.adapters.venues.alpaca.kind import AlpacaKind

    return AlpacaKind()


VENUES: dict[str, Callable[[], VenueKind]] = {"gateway": _gateway, "alpaca": _alpaca}


def venue_at(parts: ConnectionParts) -> VenueAt:
    """Return the venue that a connection names in its extra as `venue`, by default the Execution Gateway."""
    word = parts.extra.get("venue") or DEFAULT_KIND
    if word not in VENUES:
        raise InvalidData(
            f'connection {parts.connection_id!r}: expected "venue" in its extra to be one of {", ".join(VENUES)}, '
            f"got {word!r}"
        )
    kind = VENUES[word]()
    return VenueAt(kind, kind.connect(parts))
