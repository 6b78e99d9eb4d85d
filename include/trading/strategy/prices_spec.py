"""Where a strategy's prices come from: the key `prices`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf
from include.trading.strategy.source_spec import SourceSpec
from include.trading.strategy.values import ConnectionId


class PricesSpec(SourceSpec):
    """A source of prices; one without parameters needs no more than its word."""


class AlpacaPrices(PricesSpec):
    """Alpaca's market data."""

    word: ClassVar[str] = "alpaca"

    connection: ConnectionId = Field(
        default="market_data",
        description="Airflow connection of the market data, or of a venue at Alpaca, whose keys read it too",
    )

    @property
    def called(self) -> str:
        return "the market data"


# A source registers here and how it is opened with one call of include/adapters/prices/registry.py.
PRICES: dict[str, type[PricesSpec]] = {AlpacaPrices.word: AlpacaPrices}
Prices = Annotated[PricesSpec, OneOf(words=PRICES)]
