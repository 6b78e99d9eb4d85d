"""Where a strategy's signals come from: the key `signals`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.values import ConnectionId, Count


class ServiceSignals(Word):
    """The Signal Service, which is asked for the strategy's symbols."""

    word: ClassVar[str] = "service"

    connection: ConnectionId = Field(default="signal_service", description="Airflow connection of the Signal Service")
    top_n: Count = Field(description="names to hold long, 0 or more; always sent to the service")
    bottom_n: Count = Field(description="names to hold short; top_n + bottom_n at most the number of symbols")


Signals = Annotated[ServiceSignals, OneOf()]
