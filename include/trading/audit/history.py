"""What the history checker is given: rows that only grow, what was frozen with the plan, and the gateway's own word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.trading.models import Mode, OrderReport, Side
from include.trading.numbers import shares
from include.trading.order.identity import takes_our_order_id
from include.trading.order.states import FINAL, FINAL_WORDS, REFUSED, UNRESOLVED

ACKNOWLEDGED = (FINAL_WORDS - REFUSED) | {"open"}


@dataclass(frozen=True)
class Event:
    """A row of an order's events."""

    id: int
    at: datetime
    event: str
    from_state: str | None
    to_state: str | None
    attempt: int
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shows_acceptance(self) -> bool:
        """Whether from here on the ledger knew that the gateway has the order."""
        if self.to_state != self.from_state and self.to_state in ACKNOWLEDGED:
            return True
        status = self.detail.get("status")
        if not isinstance(status, str) or status in REFUSED:
            return self.told_filled > 0
        return status in FINAL_WORDS or self.detail.get("broker_order_id") is not None or self.told_filled > 0

    @property
    def told_filled(self) -> Decimal:
        """The filled quantity in the report behind this event, 0 where it had none."""
        return Decimal(self.detail.get("filled_quantity") or 0)


@dataclass(frozen=True)
class Attempt:
    """A row of an order's attempts: one POST. binding: which of the account's bindings it was sent under."""

    attempt: int
    started_at: datetime
    times_out_at: datetime
    gateway_order_ids: tuple[str, ...]
    binding: int = 1


@dataclass(frozen=True)
class OrderHistory:
    """One order: what was frozen with its plan, what was appended since, and, to be compared, its row's columns."""

    id: int
    client_order_id: str
    slot: str
    mode: Mode
    contract: str
    symbol: str
    side: Side
    quantity: Decimal
    reduces: bool
    window_opens: datetime
    send_until: datetime
    events: tuple[Event, ...]
    attempts: tuple[Attempt, ...]
    fills: tuple[Decimal, ...]
    column_state: str
    column_attempt: int
    column_filled: Decimal

    @property
    def state(self) -> str:
        """The state that the events end in."""
        return next((event.to_state for event in reversed(self.events) if event.to_state), "none")

    @property
    def is_live(self) -> bool:
        return self.state == "open" or self.state in UNRESOLVED

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def filled(self) -> Decimal:
        return sum(self.fills, Decimal(0))

    @property
    def sends(self) -> list[Event]:
        return [event for event in self.events if event.event == "sending"]

    @property
    def is_settled(self) -> bool:
        """Whether a person said what became of it."""
        return any(event.event == "settled" for event in self.events)

    @property
    def gateway_ids(self) -> list[str]:
        """Every id under which the gateway may hold it; under our own id also an order that was never sent."""
        own = [self.client_order_id] if takes_our_order_id(self.contract) else []
        return list(dict.fromkeys([*own, *(id for attempt in self.attempts for id in attempt.gateway_order_ids)]))

    @property
    def words(self) -> str:
        return f"{self.client_order_id} {self.side} {shares(self.quantity)} {self.symbol}"


@dataclass(frozen=True)
class AccountEvent:
    """A row of the account's events."""

    at: datetime
    from_state: str
    to_state: str


@dataclass(frozen=True)
class Book:
    """A line of a strategy's book. held: what reports read. moved: the sum of its rows. explained: what fills say."""

    strategy_id: str
    mode: Mode
    symbol: str
    held: Decimal
    moved: Decimal
    explained: Decimal


@dataclass(frozen=True)
class BreakRow:
    """A break that was found, and how it ended."""

    id: int
    intent_id: int | None
    resolution: str | None


# The gateway's word on one id: a report, None where it says that it has no such order, a sentence where it is silent.
Word = OrderReport | None | str


@dataclass(frozen=True)
class GatewayWords:
    """What the gateway says now. orders: by the gateway's id. positions: a sentence where they cannot be compared."""

    orders: Mapping[str, Word]
    positions: Mapping[str, Decimal] | str


@dataclass(frozen=True)
class AccountHistory:
    """Everything that is judged of one account; books and live orders are the whole account's, orders are a period's.

    live_symbols: those with an order that may fill at this moment.
    """

    account: str
    orders: tuple[OrderHistory, ...]
    account_events: tuple[AccountEvent, ...]
    account_state: str
    books: tuple[Book, ...]
    baseline: Mapping[str, Decimal]
    live_symbols: frozenset[str]
    breaks: tuple[BreakRow, ...]
