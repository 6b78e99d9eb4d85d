"""Signals of the Signal Service: `signals: {service: …}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from include.trading.strategy.source_spec import SignalsSpec
from include.trading.strategy.values import ConnectionId, Count


class ServiceSignals(SignalsSpec):
    """The Signal Service, which is asked for the strategy's symbols."""

    word: ClassVar[str] = "service"
    rescales_predictions: ClassVar[bool] = True

    connection: ConnectionId = Field(default="signal_service", description="Airflow connection of the Signal Service")
    top_n: Count = Field(description="names to hold long, 0 or more; always sent to the service")
    bottom_n: Count = Field(description="names to hold short; top_n + bottom_n at most the number of symbols")

    @property
    def called(self) -> str:
        return "the Signal Service"

    @property
    def words(self) -> str:
        return f"{self.top_n} long and {self.bottom_n} short of them"

    @property
    def most_names(self) -> tuple[int | None, int | None]:
        return self.top_n, self.bottom_n

    def symbols_wanted(self, symbols: Sequence[str]) -> str | None:
        if not symbols:
            return "at least 1 symbol, because the Signal Service is asked for named ones"
        least = self.top_n + self.bottom_n
        if len(symbols) < least:
            return f"at least {least} symbols, for top_n {self.top_n} and bottom_n {self.bottom_n}"
        return None
