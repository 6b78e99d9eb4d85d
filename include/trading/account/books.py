"""What an account holds and should hold, and what changed it, as the ledger keeps it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from uuid import UUID

from include.trading.account.row import AccountState
from include.trading.models import Mode


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
