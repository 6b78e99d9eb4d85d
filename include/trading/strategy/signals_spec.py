"""Where a strategy's signals come from: the key `signals`, with one module a source."""

from __future__ import annotations

from typing import Annotated

from include.trading.strategy.choice import OneOf
from include.trading.strategy.signals_file import FileSignals
from include.trading.strategy.signals_service import ServiceSignals
from include.trading.strategy.source_spec import SignalsSpec

# A source registers here and how it is opened with one call of include/adapters/signals/registry.py.
SIGNALS: dict[str, type[SignalsSpec]] = {kind.word: kind for kind in (ServiceSignals, FileSignals)}
Signals = Annotated[SignalsSpec, OneOf(words=SIGNALS)]

__all__ = ["SIGNALS", "FileSignals", "ServiceSignals", "Signals", "SignalsSpec"]
