"""What changed Alpaca's account besides fills, its cash or its shares: one row each, as the vendor lists it."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from include.sandbox.settings import Settings

NEW_YORK = ZoneInfo("America/New_York")
CashRow = tuple[datetime, str, dict[str, Any]]


class CashMove(BaseModel):
    """What happens to the account's cash. amount: USD, below zero for what is paid."""

    model_config = ConfigDict(extra="forbid")

    activity_type: Literal["DIV", "DIVNRA", "FEE", "CSD", "CSW", "JNLC", "INT", "SPLIT", "NC", "MA"]
    activity_sub_type: str | None = None
    amount: Decimal
    symbol: str | None = None
    qty: Decimal | None = None
    per_share_amount: Decimal | None = None


class Cash:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rows: list[CashRow] = []

    def move(self, what: CashMove) -> None:
        """Change the cash now, and list it."""
        now = self.settings.now()
        local, amount = now.astimezone(NEW_YORK), round(what.amount, 2)
        id = f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03}::{uuid.uuid4()}"
        more = what.model_dump(exclude_none=True, exclude={"activity_type", "amount"})
        body = {
            "id": id,
            "activity_type": what.activity_type,
            "date": f"{local:%Y-%m-%d}",
            "created_at": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
            "net_amount": str(amount),
            "status": "executed",
            **{name: str(value) for name, value in more.items()},
        }
        self.settings.alpaca_cash += amount
        self.rows.append((now, id, body))
