"""From a table and the strategy's terms to a whole answer, or to the one sentence why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.trading.models import SignalOrigin, SignalSet
from include.trading.ports import SignalRequest
from include.trading.signals.days import check_age, check_event, dated_by, of_the_day
from include.trading.signals.judge import check_sides
from include.trading.signals.rows import Row, read_rows
from include.trading.signals.table import Table
from include.trading.signals.weights import signals_of
from include.trading.strategy.signals_dated import Standing
from include.trading.strategy.signals_table import TableSignals

# Of an answer so many rows are kept; its hash tells the whole.
MOST_KEPT = 5_000


@dataclass(frozen=True)
class Given:
    """A table with what is known of where it came from."""

    table: Table
    source: str
    sha256: str
    modified_at: datetime | None = None


def answer_of(given: Given, spec: TableSignals, ask: SignalRequest, now: datetime) -> SignalSet:
    """Return the signals of a table; raises ValueError naming what was expected and what was found."""
    check_event(spec, ask)
    age = check_age(spec, ask, given.modified_at, now)
    found = read_rows(given.table)
    if found.bare and (spec.top_n, spec.bottom_n) != (None, None):
        raise ValueError(
            "expected columns that say whether the numbers are weights or scores, because top_n or bottom_n is set, "
            "found a symbol and a number"
        )
    rows = of_the_day(found, spec, ask)
    signals = signals_of(rows, spec, ask)
    check_sides(signals, spec.top_n, spec.bottom_n)
    origin = SignalOrigin(
        source=given.source,
        dated=dated_by(spec, given.modified_at),
        rows=len(rows),
        sha256=given.sha256,
        modified_at=given.modified_at,
        age_seconds=age,
        hindsight=ask.replay and isinstance(spec.dated, Standing),
    )
    return SignalSet(
        signals=signals,
        as_of_date=ask.as_of_date,
        model_version=spec.word,
        strategy=spec.word,
        generated_at=given.modified_at,
        origin=origin,
        raw={"source": given.source, "sha256": given.sha256, "num_rows": len(rows), "rows": _kept(rows)},
    )


def _kept(rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {name: str(value) for name, value in row._asdict().items() if value is not None} for row in rows[:MOST_KEPT]
    ]
