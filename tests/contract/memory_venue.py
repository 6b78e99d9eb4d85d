"""A venue of a hundred lines: a broker in this process's memory that fills at once and takes our order ids.

A connection with the extra {"venue": "memory", "account": …} leads to the broker that its host names.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from include.adapters.connection import ConnectionParts
from include.trading.errors import IdExists, InvalidData, NotFound, TradingError
from include.trading.models import Fill, OrderReport, OrderRequest, VenueInfo
from include.trading.ports import VenueGate, VenueTraits

WORD = "memory"
TRAITS = VenueTraits(
    kind=WORD,
    called="the venue in memory",
    takes_our_order_id=True,
    positions_are_exact=True,
    can_cancel=True,
    has_rate_limit=False,
    tells_account=False,
    tells_assets=False,
    least_fraction_usd=Decimal(1),
    has_dry_run=False,
)
PRICE = Decimal(100)


@dataclass
class Broker:
    """What is behind one address.

    fills: whether an order is filled when it comes. fault: what every read ends with, and an order after it is stored.
    """

    fills: bool = True
    stopped: str | None = None
    fault: TradingError | None = None
    orders: dict[str, OrderReport] = field(default_factory=dict)

    def fail(self) -> None:
        if self.fault is not None:
            raise self.fault

    def end(self, id: str, state: str, filled: Decimal) -> None:
        price = PRICE if filled else None
        told = {"state": state, "status": state, "filled_quantity": filled, "filled_avg_price": price}
        self.orders[id] = self.orders[id].model_copy(update=told)


BROKERS: dict[str, Broker] = {}


@dataclass(frozen=True)
class MemoryConnection:
    """The broker's name and whose account trades there."""

    connection_id: str
    account: str
    address: str
    total_timeout_seconds: float = 1
    login: str = "memory"


@dataclass(frozen=True)
class MemoryReader:
    """Reads the broker; cannot send or cancel an order."""

    endpoint: MemoryConnection
    broker: Broker
    traits: VenueTraits = TRAITS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def info(self) -> VenueInfo:
        return VenueInfo(service=WORD, version="1", status="healthy", mode="paper", is_sandbox=True)

    mode_now = info

    def allowance(self) -> None:
        return None

    def refusal(self) -> str | None:
        return self.broker.stopped

    def gates(self) -> Iterator[VenueGate]:
        yield VenueGate(name="broker", words=self.broker.stopped or "trades", next_step=self.broker.stopped)

    def order_ids(self, order: OrderRequest, info: VenueInfo, starts_at: datetime, ends_at: datetime) -> list[str]:
        return [order.client_order_id]

    def order(self, venue_order_id: str) -> OrderReport | None:
        self.broker.fail()
        return self.broker.orders.get(venue_order_id)

    def orders(self, venue_order_ids: Iterable[str]) -> Generator[tuple[str, OrderReport | TradingError | None]]:
        for id in dict.fromkeys(venue_order_ids):
            try:
                yield id, self.order(id)
            except TradingError as error:
                yield id, error

    def fills(self, since: datetime, broker_order_id: str | None = None) -> dict[str, tuple[Fill, ...]]:
        return {}

    def account(self) -> None:
        return None

    def assets(self, symbols: Iterable[str]) -> None:
        return None

    def positions(self) -> dict[str, Decimal]:
        self.broker.fail()
        book: dict[str, Decimal] = {}
        for report in self.broker.orders.values():
            sign = 1 if report.side == "buy" else -1
            book[report.symbol] = book.get(report.symbol, Decimal(0)) + sign * (report.filled_quantity or 0)
        return {symbol: quantity for symbol, quantity in book.items() if quantity}


class MemoryVenue(MemoryReader):
    """Also sends and cancels."""

    def submit(self, order: OrderRequest) -> OrderReport:
        if order.client_order_id in self.broker.orders:
            raise IdExists(f"{self.endpoint.address}: order {order.client_order_id} exists")
        report = OrderReport(
            gateway_order_id=order.client_order_id,
            broker_order_id=f"{WORD}-{len(self.broker.orders) + 1}",
            symbol=order.symbol,
            side=order.side,
            quantity=Decimal(order.quantity),
            state="open",
            status="open",
        )
        self.broker.orders[order.client_order_id] = report
        if self.broker.fills:
            self.broker.end(order.client_order_id, "filled", report.quantity)
        self.broker.fail()
        return report

    def cancel(self, venue_order_id: str) -> str:
        report = self.order(venue_order_id)
        if report is None:
            raise NotFound(f"{self.endpoint.address}: no order {venue_order_id}")
        if report.state == "open":
            self.broker.end(venue_order_id, "canceled", Decimal(0))
        return self.broker.orders[venue_order_id].state


class MemoryKind:
    """How it is opened from a connection."""

    def connect(self, parts: ConnectionParts) -> MemoryConnection:
        account = parts.extra.get("account")
        if not account:
            raise InvalidData(f"connection {parts.connection_id!r}: expected an account in its extra, got none")
        return MemoryConnection(parts.connection_id, account, f"{WORD}://{parts.host}")

    def traits(self, connection: MemoryConnection) -> VenueTraits:
        return TRAITS

    def reader(self, connection: MemoryConnection, **options: Any) -> MemoryReader:
        return MemoryReader(connection, BROKERS[connection.address])

    def venue(self, connection: MemoryConnection, **options: Any) -> MemoryVenue:
        return MemoryVenue(connection, BROKERS[connection.address])
