"""A source of signals in this process's memory: equal weights for the symbols that the strategy names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, Self

from include.adapters.connection import ConnectionParts
from include.trading.errors import BadAnswer, Unavailable
from include.trading.models import Signal, SignalSet
from include.trading.ports import SignalRequest, SourceHealth
from include.trading.strategy.signals_spec import SignalsSpec
from include.trading.strategy.values import Symbols

# The days that there is no answer for.
MISSING: set[date] = set()


class MemorySignals(SignalsSpec):
    """Longs and shorts, each side of weight 1; the others of the strategy's symbols have weight 0."""

    word: ClassVar[str] = "memory"

    longs: Symbols = ()
    shorts: Symbols = ()


class MemorySource:
    """Answers for every day but those that are missing."""

    def __init__(self, spec: MemorySignals, connections: Callable[[str], ConnectionParts], **options: Any) -> None:
        self._spec = spec

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def check_ready(self) -> SourceHealth:
        return SourceHealth(words="in memory")

    def signals(self, ask: SignalRequest) -> SignalSet:
        weights = {symbol: Decimal(1) / len(self._spec.longs) for symbol in self._spec.longs}
        weights |= {symbol: Decimal(-1) / len(self._spec.shorts) for symbol in self._spec.shorts}
        raw = {"weights": {symbol: str(weight) for symbol, weight in weights.items()}, "day": str(ask.as_of_date)}
        if ask.as_of_date in MISSING:
            raise Unavailable(f"{self._spec.where}: no data of {ask.as_of_date}")
        if foreign := sorted(weights.keys() - set(ask.symbols)):
            raise BadAnswer(f"{self._spec.where}: expected only what was asked for, got {', '.join(foreign)}", str(raw))
        weights = dict.fromkeys(ask.symbols, Decimal(0)) | weights
        best_first = sorted(weights.items(), key=lambda pair: -pair[1])
        signals = [
            Signal(symbol=symbol, predicted_return=weight, rank=rank, target_weight=weight)
            for rank, (symbol, weight) in enumerate(best_first, start=1)
        ]
        return SignalSet(
            signals=tuple(signals), as_of_date=ask.as_of_date, model_version="memory-1", strategy="memory", raw=raw
        )
