"""Where a strategy's prices come from: the key `prices`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.values import ConnectionId


class AlpacaPrices(Word):
    """Alpaca's market data."""

    word: ClassVar[str] = "alpaca"

    connection: ConnectionId = Field(default="market_data", description="Airflow connection of the market data")


Prices = Annotated[AlpacaPrices, OneOf()]
