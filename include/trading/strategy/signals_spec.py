"""Where a strategy's signals come from: the key `signals`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf
from include.trading.strategy.source_spec import SourceSpec
from include.trading.strategy.values import ConnectionId, Count


class SignalsSpec(SourceSpec):
    """A source of signals; one without parameters needs no more than its word."""

    @property
    def words(self) -> str:
        """What is asked for, for `ops check`."""
        return f"signals of {self.word}"

    def symbols_wanted(self, symbols: Sequence[str]) -> str | None:
        """Return what the strategy's symbols should be instead, None when they will do."""
        return None if symbols else "at least 1 symbol, because no other is traded"


class ServiceSignals(SignalsSpec):
    """The Signal Service, which is asked for the strategy's symbols."""

    word: ClassVar[str] = "service"

    connection: ConnectionId = Field(default="signal_service", description="Airflow connection of the Signal Service")
    top_n: Count = Field(description="names to hold long, 0 or more; always sent to the service")
    bottom_n: Count = Field(description="names to hold short; top_n + bottom_n at most the number of symbols")

    @property
    def called(self) -> str:
        return "the Signal Service"

    @property
    def words(self) -> str:
        return f"{self.top_n} long and {self.bottom_n} short of them"

    def symbols_wanted(self, symbols: Sequence[str]) -> str | None:
        if not symbols:
            return "at least 1 symbol, because the Signal Service is asked for named ones"
        least = self.top_n + self.bottom_n
        if len(symbols) < least:
            return f"at least {least} symbols, for top_n {self.top_n} and bottom_n {self.bottom_n}"
        return None


# A source registers here and how it is opened with one call of include/adapters/signals/registry.py.
SIGNALS: dict[str, type[SignalsSpec]] = {ServiceSignals.word: ServiceSignals}
Signals = Annotated[SignalsSpec, OneOf(words=SIGNALS)]
