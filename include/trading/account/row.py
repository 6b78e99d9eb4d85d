"""An account as the ledger keeps it, field for column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from include.trading.account.venue_identity import VenueIdentity

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
    venue_said: dict[str, Any] | None = None
    venue_said_at: datetime | None = None

    @property
    def venue(self) -> VenueIdentity | None:
        """The gateway that the account belongs to, None before the first contact."""
        if self.gateway_address is None:
            return None
        return VenueIdentity(
            address=self.gateway_address,
            strategy_id=self.gateway_strategy_id,
            broker_url=self.gateway_broker_url,
            version=self.gateway_version,
        )
