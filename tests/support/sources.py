"""Sources of a test's own, which are gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from include.adapters.prices import registry as prices
from include.adapters.signals import registry as signals
from include.trading.strategy.prices_spec import PRICES
from include.trading.strategy.signals_spec import SIGNALS
from include.trading.strategy.spec import Strategy

TABLES: tuple[dict[str, Any], ...] = (SIGNALS, PRICES, signals.SOURCES, prices.SOURCES)


@contextmanager
def as_before() -> Iterator[None]:
    """Forget at the end the sources that were registered inside."""
    before = [dict(table) for table in TABLES]
    try:
        yield
    finally:
        for table, content in zip(TABLES, before, strict=True):
            table.clear()
            table.update(content)
        Strategy.model_rebuild(force=True)
