"""An order and its attempts to be sent as the ledger keeps them, field for column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from include.trading.models import Mode, OrderRequest, Side
from include.trading.numbers import shares


@dataclass(frozen=True)
class Intent:
    id: int
    plan_id: UUID
    account: str
    strategy_id: str
    mode: Mode
    slot: str
    client_order_id: str
    symbol: str
    leg: Literal[1, 2]
    position: int
    side: Side
    quantity: Decimal
    price: Decimal
    reduces: bool
    state: str
    version: int
    reason: str | None
    attempt: int
    lease_owner: str | None
    lease_until: datetime | None
    gateway_order_id: str | None
    broker_order_id: str | None
    gateway_status: str | None
    message: str | None
    filled_quantity: Decimal
    filled_avg_price: Decimal | None
    first_sent_at: datetime | None
    acknowledged_at: datetime | None
    unknown_since: datetime | None
    post_timed_out_at: datetime | None
    not_found_count: int
    proven_absent_at: datetime | None
    last_looked_up_at: datetime | None
    final_at: datetime | None
    updated_at: datetime

    @property
    def request(self) -> OrderRequest:
        return OrderRequest(
            client_order_id=self.client_order_id, symbol=self.symbol, side=self.side, quantity=self.quantity
        )

    @property
    def words(self) -> str:
        return f"{self.side} {shares(self.quantity)} {self.symbol}"

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.side == "buy" else -self.quantity


@dataclass(frozen=True)
class Attempt:
    intent_id: int
    attempt: int
    account: str
    worker: str
    code_version: str
    started_at: datetime
    times_out_at: datetime
    gateway_order_ids: list[str]
    gateway: dict[str, Any]
    binding: int
