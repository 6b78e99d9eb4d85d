"""The one place where what a step works with is put together: venues, signals, prices and desks, from connections."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.outside import Outside
from include.adapters.prices.registry import open_prices
from include.adapters.signals.registry import open_signals
from include.adapters.venues.registry import VenueAt, venue_at
from include.execution.desk import Desk
from include.execution.settings import Settings
from include.ledger.ledger import Ledger
from include.trading.errors import TradingError
from include.trading.ports import PriceSource, SignalSource, VenueReader
from include.trading.strategy.spec import Strategy

DEFAULT_VENUE = "execution_gateway"


@dataclass(frozen=True)
class Assembly:
    """What Airflow's tasks, its pages, the commands and the watchdog open their tools with.

    connections: looks a connection up by its id; raises NotFound where there is none.
    outside: opens object stores and databases for sources of signals.
    """

    connections: Callable[[str], ConnectionParts]
    settings: Settings
    code_version: str
    outside: Outside = field(default_factory=Outside)

    def venue(self, connection_id: str) -> VenueAt:
        """Return the venue of a connection, checked and not opened; raises NotFound or InvalidData."""
        return venue_at(self.connections(connection_id))

    def signals(self, strategy: Strategy, **options: Any) -> SignalSource:
        return open_signals(strategy, self.connections, outside=self.outside, **options)

    def prices(self, strategy: Strategy, **options: Any) -> PriceSource:
        return open_prices(strategy, self.connections, **options)

    def venues(self, connection_ids: Collection[str]) -> tuple[dict[str, VenueAt], dict[str, str]]:
        """Return the venues that can be used, by account, and why the other connections cannot be."""
        found: dict[str, VenueAt] = {}
        unusable: dict[str, str] = {}
        for connection_id in sorted(connection_ids):
            try:
                venue = self.venue(connection_id)
            except TradingError as error:
                unusable[connection_id] = str(error)
            else:
                found.setdefault(venue.account, venue)
        return found, unusable

    def desk(self, ledger: Ledger, account: str, reader: VenueReader | None, *, actor: str) -> Desk:
        return Desk(
            ledger=ledger,
            account=account,
            reader=reader,
            settings=self.settings,
            actor=actor,
            code_version=self.code_version,
        )

    @contextmanager
    def desk_at(self, ledger: Ledger, venue: VenueAt, *, actor: str, correlation_id: str) -> Iterator[Desk]:
        """Open an account's venue for a person on duty, who may also send: to cancel."""
        with venue.venue(correlation_id=correlation_id) as opened:
            yield self.desk(ledger, venue.account, opened, actor=actor)


def readers(venues: Mapping[str, VenueAt], correlation_id: str) -> dict[str, Callable[[], VenueReader]]:
    """Return how to open each account's venue for reading."""
    return {account: partial(venue.reader, correlation_id=correlation_id) for account, venue in venues.items()}
