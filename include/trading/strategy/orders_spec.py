"""How a strategy's orders are sent: the key `orders`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from include.trading.models import Value
from include.trading.strategy.choice import OneOf, Word


class MarketStyle(Word):
    """Market orders for the day."""

    word: ClassVar[str] = "market"


Style = Annotated[MarketStyle, OneOf()]


class Orders(Value):
    """Every key may be left out."""

    style: Style = Field(default=MarketStyle(), description="market: market orders for the day")
    reductions_first: Literal["always", "never"] = Field(
        default="never",
        description="always: increases wait until the plan's reductions are final, for a cash account | never",
    )
    at_send_until: Literal["cancel", "leave"] | None = Field(
        default=None,
        description="what becomes of an open order at the end of the sending window: cancel | leave; by default cancel "
        "where the venue can",
    )
    send_minutes: int = Field(
        default=45, ge=1, le=390, strict=True, description="minutes after its scheduled time in which a run may send"
    )
    per_minute: int = Field(
        default=80, ge=1, strict=True, description="most orders sent a minute; the gateway's own limit at v2 is 80"
    )
