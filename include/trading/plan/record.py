"""A plan as the ledger keeps it, field for column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from include.trading.models import Mode
from include.trading.order.identity import PlanKey, takes_our_order_id


@dataclass(frozen=True)
class PlanRecord:
    plan_id: UUID
    mode: Mode
    account: str
    strategy_id: str
    session_date: date
    revision: int
    contract: str
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
    def takes_our_order_id(self) -> bool:
        """Whether the venue that the plan was frozen for stores orders under our own ids (see VenueTraits)."""
        return takes_our_order_id(self.contract)

    @property
    def key(self) -> PlanKey:
        return PlanKey(
            mode=self.mode,
            account=self.account,
            strategy_id=self.strategy_id,
            session=self.session_date,
            revision=self.revision,
        )
