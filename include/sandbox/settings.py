"""The sandbox's settings: all can be given at its start, and most of them again while it runs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

NOTICE = "Sandbox: prices are real historical daily closes laid on other dates (or generated, GEN001 to GEN999)."
FIXED = frozenset({"contract", "secret", "market_key", "alpaca_key"})
ASSET_FIELDS = frozenset({"tradable", "shortable", "easy_to_borrow", "fractionable", "marginable", "active"})
ALPACA_KEY = "PKSANDBOX00000000000:sandbox-secret"


class Settings(BaseModel):
    """The limits are too high to be met by default; the contract's own are 1000 shares, 100 000 USD, 10 000 shares."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    contract: Literal["v1", "v2"] = "v2"
    mode: Literal["dry_run", "paper", "live"] = "paper"
    strategy_id: str = Field("alpha_baseline", description="the gateway's own; hashed into the ids it makes")
    broker_timezone: str = Field("America/New_York", description="whose date a v1 gateway hashes")
    fill_after_seconds: float = Field(1.5, ge=0)
    fill_parts: int = Field(2, ge=1)
    max_position_shares: int = 1_000_000
    max_notional_usd: Decimal = Decimal(1_000_000_000)
    max_order_shares: int = 1_000_000
    rate_limit_per_minute: int = Field(0, ge=0, description="0 is none; the contract's global one is 80; v2 only")
    breaker: Literal["open", "tripped", "missing"] = Field("open", description="its circuit breaker; v2 only")
    reject: dict[str, str] = Field(default_factory=dict, description="symbol: the broker's reason to refuse it")
    clock_offset_seconds: float = Field(0, description="moves every clock of the sandbox but the one of the signatures")
    secret: SecretStr | None = Field(None, min_length=64, description="S2S signatures are enforced with it; v2 only")
    market_key: SecretStr | None = Field(None, min_length=3, description="key-id:secret that market data asks for")
    alpaca_key: SecretStr = Field(SecretStr(ALPACA_KEY), min_length=3)
    alpaca_clock: Literal["always_open", "real"] = Field(
        "always_open", description="Alpaca's market: always_open, real"
    )
    alpaca_cash: Decimal = Field(Decimal(100_000), description="USD in Alpaca's account at the start")
    alpaca_multiplier: int = Field(4, ge=1, le=4, description="buying power is so many times the equity")
    alpaca_rate_limit_per_minute: int = Field(200, ge=0, description="requests a minute at Alpaca, 0 is none")
    alpaca_cancel_seconds: float = Field(0, ge=0, description="how long Alpaca takes to cancel")
    alpaca_account: dict[str, Any] = Field(default_factory=dict, description="fields of the account to change")
    alpaca_assets: dict[str, dict[str, Any]] = Field(default_factory=dict, description="symbol: fields to change")

    @field_validator("alpaca_assets")
    @classmethod
    def _assets_have_these_fields(cls, assets: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if wrong := {name for changes in assets.values() for name in changes} - ASSET_FIELDS:
            raise ValueError(f"an asset has no {', '.join(sorted(wrong))}; it has {', '.join(sorted(ASSET_FIELDS))}")
        return assets

    def change(self, changes: dict[str, Any]) -> None:
        """Apply all changes or, when one is wrong, none.  Raises ValueError."""
        if fixed := FIXED & changes.keys():
            raise ValueError(f"{', '.join(sorted(fixed))} can only be set when the sandbox starts")
        checked = type(self).model_validate({**dict(self), **changes})
        for name in changes:
            setattr(self, name, getattr(checked, name))

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset_seconds)

    def gateway_day(self) -> date:
        """Return the date that goes into the ids the gateway makes."""
        zone = ZoneInfo(self.broker_timezone) if self.contract == "v1" else UTC
        return self.now().astimezone(zone).date()
