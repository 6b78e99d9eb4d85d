"""The ledger's rows as frozen values, field for column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from include.trading.identity import PlanKey
from include.trading.models import Contract, Mode, OrderRequest, Side
from include.trading.venue import Venue

AccountState = Literal["active", "reduce_only", "halted"]


@dataclass(frozen=True)
class Account:
    account: str
    state: AccountState
    state_cause: str
    state_reason: str | None
    state_changed_by: str
    state_changed_at: datetime
    gateway_paused_until: datetime | None
    pause_reason: str | None
    consecutive_failures: int
    gateway_address: str | None
    gateway_strategy_id: str | None
    gateway_broker_url: str | None
    gateway_version: str | None
    binding: int
    environment: Literal["paper", "live"] | None

    @property
    def venue(self) -> Venue | None:
        """The gateway that the account belongs to, None before the first contact."""
        if self.gateway_address is None:
            return None
        return Venue(
            address=self.gateway_address,
            strategy_id=self.gateway_strategy_id,
            broker_url=self.gateway_broker_url,
            version=self.gateway_version,
        )


@dataclass(frozen=True)
class PlanRecord:
    plan_id: UUID
    mode: Mode
    account: str
    strategy_id: str
    session_date: date
    revision: int
    contract: Contract
    as_of_date: date
    parameters: dict[str, Any]
    window_opens: datetime
    send_until: datetime
    cutoff_at: datetime
    orders_per_minute: int | None
    state: Literal["open", "closed"]
    closed_reason: str | None
    closed_at: datetime | None
    created_by_run: UUID
    frozen_at: datetime
    gateway: dict[str, Any]

    @property
    def key(self) -> PlanKey:
        return PlanKey(
            mode=self.mode,
            account=self.account,
            strategy_id=self.strategy_id,
            session=self.session_date,
            revision=self.revision,
        )


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
    quantity: int
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
    def signed_quantity(self) -> int:
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


@dataclass(frozen=True)
class Run:
    """A run without the services' answers, which `Runs.answers` returns."""

    id: int
    run_id: UUID
    strategy_id: str
    as_of_date: date
    status: Literal["running", "completed", "failed", "partial"]
    symbols: list[str]
    capital: Decimal
    num_signals: int
    num_orders_submitted: int
    num_orders_accepted: int
    num_orders_rejected: int
    num_orders_filled: int
    started_at: datetime
    completed_at: datetime | None
    duration_seconds: Decimal | None
    error_message: str | None
    model_version: str | None
    created_at: datetime
    dag_id: str
    airflow_run_id: str
    run_type: str
    scheduled_at: datetime
    account: str
    mode: Mode
    mode_reason: str | None
    session_date: date
    revision: int
    window_opens: datetime
    send_until: datetime
    cutoff_at: datetime
    mapped_at: datetime | None
    plan_id: UUID | None
    adopted: bool
    parameters: dict[str, Any]
    code_version: str
    num_orders_planned: int
    num_orders_denied: int
    num_orders_not_sent: int
    num_orders_unknown: int
    last_acknowledged_at: datetime | None
    summary: str | None
    updated_at: datetime


@dataclass(frozen=True)
class Break:
    id: int
    account: str
    kind: str
    dedupe_key: str
    symbol: str | None
    intent_id: int | None
    run_id: UUID | None
    message: str
    detail: dict[str, Any]
    found_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None
    resolution: str | None


class BookVersion(NamedTuple):
    """How far an account's book is: the newest movement and the newest baseline. Zero: none yet."""

    movement: int = 0
    baseline: int = 0


FROM_THE_START = BookVersion()


class Expected(NamedTuple):
    """What the gateway should hold by our books, by symbol; moved: what changed since the version asked about."""

    quantities: dict[str, Decimal]
    moved: frozenset[str]


@dataclass(frozen=True)
class Book:
    """Everything of the ledger that a strategy's plan is made from, as it was at one moment.

    held: by the strategy. working: what its open orders may still add. unresolved: symbols with an order of its own
    without a known outcome. of_others: symbols that another strategy of the account holds or trades, with its id.
    traded: USD the session's orders traded or may still trade, at planned prices.
    expected: what the gateway should hold. moved: symbols whose part of the book changed since the version asked about.
    """

    account_state: AccountState | None
    held: dict[str, Decimal]
    working: dict[str, Decimal]
    unresolved: frozenset[str]
    of_others: dict[str, str]
    traded: Decimal
    expected: dict[str, Decimal]
    moved: frozenset[str]

    def on(self, state: AccountState) -> Book:
        """Return the same book on an account in this state."""
        return replace(self, account_state=state)


@dataclass(frozen=True)
class Movement:
    """What one entry of the book changes of what a strategy holds, in signed shares."""

    strategy_id: str
    mode: Mode
    symbol: str
    quantity: Decimal
    kind: Literal["fill", "correction", "transfer"]
    intent_id: int | None


@dataclass(frozen=True)
class Correction:
    """What a person corrected. symbol: None for all of a strategy's."""

    id: int
    account: str
    strategy_id: str
    symbol: str | None
    kind: Literal["ratio", "quantity", "rename", "fill", "move", "undo"]
    detail: dict[str, Any]
    against_gateway: bool
    undoes: int | None
    actor: str
    reason: str
    at: datetime
