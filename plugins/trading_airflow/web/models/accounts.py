"""Accounts, and what a person on duty may do to one."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from include.execution.duty.settlement import Outcome
from include.trading.bounds import storable_price, storable_quantity
from include.trading.models import Side, Symbol
from trading_airflow.web.models.base import Answer, Body, Reason, example
from trading_airflow.web.models.examples import ACCOUNT

# As the ledger keeps them, and `ops` takes them.
Shares = Annotated[Decimal, AfterValidator(storable_quantity)]
Price = Annotated[Decimal, AfterValidator(storable_price)]


class Break(Answer):
    """Two books that must agree do not."""

    id: int
    kind: str
    symbol: str | None
    message: str
    found_at: datetime
    run_id: UUID | None


class AccountSummary(Answer):
    model_config = example(ACCOUNT)

    account: str
    state: Literal["active", "reduce_only", "halted", "new"] = Field(description="new: its first run writes its row")
    state_cause: str | None
    state_reason: str | None
    state_changed_by: str | None
    state_changed_at: datetime | None
    gateway_paused_until: datetime | None
    pause_reason: str | None
    connection_id: str | None = Field(description="the venue's connection that names it")
    dag_ids: list[str] = Field(description="the DAGs that trade on it")
    live_orders: int
    unresolved_orders: int
    breaks: list[Break]
    may_halt: bool = Field(description="whether you may")
    may_resume: bool = Field(description="whether you may resume, settle and adopt")


class AccountList(Answer):
    accounts: list[AccountSummary]


class AccountEvent(Answer):
    at: datetime
    actor: str
    from_state: str
    to_state: str
    cause: str
    reason: str


class LiveOrder(Answer):
    client_order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    state: str
    message: str | None
    filled_quantity: Decimal


class Holding(Answer):
    """One symbol's books; they agree when gateway = fills + baseline."""

    symbol: str
    gateway: Decimal | None = Field(description="as it last said; null when it was never asked")
    fills: Decimal = Field(description="what our strategies hold, corrections included")
    corrections: Decimal = Field(description="the part of `fills` that a person corrected")
    baseline: Decimal
    difference: Decimal | None = Field(
        description="gateway less fills and baseline; null when the gateway was not asked since our book last changed"
    )


class AccountGateway(Answer):
    """The gateway that the account belongs to, and the one that its connection names now."""

    address: str | None = Field(description="null: the first contact decides")
    connection_address: str | None = Field(description="null: no connection names the account")
    strategy_id: str | None
    broker_url: str | None
    version: str | None
    environment: Literal["paper", "live"] | None
    binding: int = Field(description="how often it was bound")


class HistoryEntry(Answer):
    """One thing that was done to the account, or found on it."""

    at: datetime
    kind: Literal["state", "correction", "adopted", "break", "settled"]
    actor: str | None
    symbol: str | None
    strategy_id: str | None
    quantity: Decimal | None
    words: str = Field(description="what changed: states, a correction's kind, a break's kind")
    reason: str | None
    correction_id: int | None = Field(description="`undo` takes it")


class AccountHistory(Answer):
    """A page of an account's history, newest first."""

    entries: list[HistoryEntry]
    total: int = Field(description="how many there are, on this page or not")
    limit: int
    offset: int


class AccountDetail(AccountSummary):
    """An account with its live orders, its books, and what was done to it, newest first."""

    model_config = example(
        {
            **ACCOUNT,
            "orders": [],
            "holdings": [
                {
                    "symbol": "AAPL",
                    "gateway": "222",
                    "fills": "222",
                    "corrections": "0",
                    "baseline": "0",
                    "difference": "0",
                }
            ],
            "asked_at": "2026-01-05T14:30:06Z",
            "gateway": {
                "address": "https://gateway.example.com",
                "connection_address": "https://gateway.example.com",
                "strategy_id": "daily_trading",
                "broker_url": "https://paper-api.alpaca.markets",
                "version": "2.4.1",
                "environment": "paper",
                "binding": 1,
            },
            "events": [
                {
                    "at": "2026-01-05T15:00:00Z",
                    "actor": "ada",
                    "from_state": "active",
                    "to_state": "halted",
                    "cause": "person",
                    "reason": "wrong prices",
                }
            ],
        }
    )

    orders: list[LiveOrder]
    holdings: list[Holding]
    asked_at: datetime | None = Field(description="when the venue's positions were asked for")
    gateway: AccountGateway
    events: list[AccountEvent]


class HaltBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "wrong prices", "cancel_open": False}}
    )

    reason: Reason
    cancel_open: bool = Field(default=False, description="also cancel what is open (not at a v1 gateway)")


class ResumeBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "prices are right again", "breaks": [3]}}
    )

    reason: Reason
    breaks: list[int] = Field(default=[], max_length=1000, description="the ids of all open breaks, which it settles")


class SettleBody(Body):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "client_order_ids": ["p1c0ffee1c0ffee1c0ffee1c"],
                "outcome": "filled",
                "reason": "the broker's page says so",
                "price": "189.52",
            }
        },
    )

    client_order_ids: list[str] = Field(default=[], max_length=1000)
    all_unresolved: bool = Field(default=False, description="every order of the account without a known outcome")
    outcome: Outcome
    reason: Reason
    quantity: Shares | None = Field(default=None, ge=0, description="filled in all")
    price: Price | None = Field(default=None, gt=0, description="USD a share")
    gateway_silent: bool = Field(default=False, description="also orders about which the gateway gives no answer")


class AdoptBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"symbol": "KO", "reason": "bought by hand in 2025"}}
    )

    symbol: Symbol
    reason: Reason
    quantity: Shares | None = Field(default=None, description="signed shares; by default all our books leave over")
    not_ours: bool = Field(
        default=False, description="needed in a symbol that a strategy holds: they are not its shares"
    )


class RebindBody(Body):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"same_account": True, "reason": "the gateway has a new address"}}
    )

    same_account: bool = Field(
        description="true: the gateway moved, the broker's account is the one from before; false: it is another one, "
        "and the account must be without live orders and holdings"
    )
    reason: Reason


class RebindResult(Answer):
    account: AccountSummary
    gateway: AccountGateway
    changed: bool = Field(description="whether there was anything to change")
    not_sent: list[str] = Field(description="planned orders that are not sent any more")


class Cancellation(Answer):
    client_order_id: str
    symbol: str
    done: bool = Field(description="it is final: nothing of it can trade any more")
    words: str


class HaltResult(Answer):
    account: AccountSummary
    cancellations: list[Cancellation]


class ResumeResult(Answer):
    account: AccountSummary
    breaks: list[Break] = Field(description="those that were ended")


class SettledOrder(Answer):
    client_order_id: str
    symbol: str
    settled: bool
    state: str
    words: str


class SettleResult(Answer):
    orders: list[SettledOrder]
    runs: list[str] = Field(description="the runs that were counted again, a line each")


class AdoptResult(Answer):
    account: str
    symbol: str
    gateway: Decimal
    fills: Decimal
    baseline_before: Decimal
    baseline: Decimal


class FillByHand(Body):
    model_config = ConfigDict(extra="forbid")

    client_order_id: str = Field(max_length=100, pattern=r"^[^\x00]+$")
    quantity: str = Field(max_length=40, description="more shares that filled")
    price: str = Field(max_length=40, description="USD a share, their average")


class CorrectBody(Body):
    """What to put right. Exactly one of ratio, quantity, rename, fill, move_from and undo; numbers are text."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"strategy_id": "daily_trading", "symbol": "AAPL", "ratio": "10", "reason": "split of 10 for 1"}
        },
    )

    strategy_id: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]+$", description="whose holding")
    symbol: Symbol | None = None
    ratio: str | None = Field(default=None, max_length=40, description="a split: new shares for old, 10 or 1/3")
    quantity: str | None = Field(default=None, max_length=40, description="signed shares held; 0 writes them off")
    rename: Symbol | None = Field(default=None, description="the symbol is called so now")
    fill: FillByHand | None = Field(default=None, description="more filled of an order that ended")
    move_from: str | None = Field(
        default=None, max_length=100, pattern=r"^[^\x00]+$", description="what another strategy holds"
    )
    undo: int | None = Field(default=None, ge=1, le=2**63 - 1, description="the opposite of an earlier correction")
    reason: Reason
    against_gateway: bool = Field(default=False, description="also when the gateway's position says otherwise")

    @model_validator(mode="after")
    def _one(self) -> Self:
        kinds = ("ratio", "quantity", "rename", "fill", "move_from", "undo")
        given = [name for name in kinds if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"expected exactly one of {', '.join(kinds)}; got {', '.join(given) or 'none'}")
        return self


class CorrectedHolding(Answer):
    strategy_id: str
    symbol: str
    before: Decimal
    after: Decimal


class CorrectResult(Answer):
    id: int = Field(description="`undo` takes it")
    account: str
    kind: str
    holdings: list[CorrectedHolding]
    closed: list[str] = Field(description="planned orders that are not sent any more")
    differences: list[str] = Field(description="symbols on which gateway and books still disagree: no order until then")
