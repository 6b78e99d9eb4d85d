"""Where a strategy's signals come from: the key `signals`, with one module a source."""

from __future__ import annotations

from typing import Annotated

from include.trading.strategy.choice import OneOf
from include.trading.strategy.signals_event import EventSignals
from include.trading.strategy.signals_file import FileSignals
from include.trading.strategy.signals_python import PythonSignals
from include.trading.strategy.signals_service import ServiceSignals
from include.trading.strategy.signals_sql import SqlSignals
from include.trading.strategy.source_spec import SignalsSpec

__all__ = [
    "SIGNALS",
    "EventSignals",
    "FileSignals",
    "PythonSignals",
    "ServiceSignals",
    "Signals",
    "SignalsSpec",
    "SqlSignals",
]

# A source registers here and how it is opened with one call of include/adapters/signals/registry.py.
SIGNALS: dict[str, type[SignalsSpec]] = {
    kind.word: kind for kind in (ServiceSignals, FileSignals, SqlSignals, PythonSignals, EventSignals)
}
Signals = Annotated[SignalsSpec, OneOf(words=SIGNALS)]
