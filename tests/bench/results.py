"""What is measured, and its arithmetic: medians, shares, ratios, and whether a target is met."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Self

WHOLE = "the whole run"
SUBMIT_ALL = "`submit_orders`, first start to last end"
SUBMIT_ONE = "`submit_orders`, one task (median)"
# In the order of the tables; `between` is what is left of the whole: scheduling, and waiting for a worker.
FETCH, MAP, TRACK, BETWEEN = "`fetch_signals`", "`map_orders`", "`track_fills`", "between the tasks"
MEASURES = (WHOLE, FETCH, MAP, SUBMIT_ALL, SUBMIT_ONE, TRACK, BETWEEN)

# Seconds by the name of what took them.
Seconds = Mapping[str, float]


class Incomplete(Exception):
    """A run did not do what was to be timed: its time says nothing."""


@dataclass(frozen=True)
class Spread:
    """Median, least and most of several measurements of one thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Raises ValueError when there is no value."""
        found = sorted(values)
        if not found:
            raise ValueError("expected at least one measurement, got none")
        return cls(median(found), found[0], found[-1])


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the smallest value that at least so many percent (1 to 100) of the values do not exceed."""
    found = sorted(values)
    if not found or not 1 <= percent <= 100:
        raise ValueError(f"expected values and a percentage of 1 to 100, got {len(found)} values and {percent}")
    return found[ceil(len(found) * percent / 100) - 1]


def spreads(runs: Sequence[Seconds]) -> dict[str, Spread]:
    """Return the spread of each thing over several runs, which all measured the same things."""
    return {name: Spread.of(run[name] for run in runs) for name in runs[0]}


@dataclass(frozen=True)
class Pair:
    """Our run and the no-op's, one after the other. own: where the time of our tasks goes, by the ledger."""

    ours: Seconds
    noop: Seconds
    own: Seconds


@dataclass(frozen=True)
class Queries:
    """What the tasks of one run asked of the ledger's database. milliseconds: in the server, waiting for locks too."""

    connections: int
    statements: int
    milliseconds: float


@dataclass(frozen=True)
class AirflowResult:
    """Pairs with so many orders, and, by task, the queries of runs besides them."""

    orders: int
    pairs: list[Pair]
    queries: list[dict[str, Queries]] = field(default_factory=list)

    @property
    def ours(self) -> dict[str, Spread]:
        return spreads([pair.ours for pair in self.pairs])

    @property
    def noop(self) -> dict[str, Spread]:
        return spreads([pair.noop for pair in self.pairs])

    @property
    def own(self) -> dict[str, Spread]:
        return spreads([pair.own for pair in self.pairs])

    def ratio(self, measure: str) -> float:
        """Return our median divided by the no-op's."""
        return self.ours[measure].median / self.noop[measure].median


@dataclass(frozen=True)
class EngineRun:
    """One run without a scheduler. All in seconds; requests are those that tracking made at the venue.

    sent: the requests that sending made there.
    sandbox_cpu: the sandbox's own computing while orders were sent; None where the system does not tell.
    """

    orders: int
    mapping: float
    sending: float
    submits: list[float]
    sandbox_cpu: float | None
    tracking: float
    requests: int
    closing: float
    sent: int = 0

    @property
    def whole(self) -> float:
        return self.mapping + self.sending + self.tracking + self.closing


@dataclass(frozen=True)
class EngineResult:
    """planning, mapping: by the number of signals, the seconds of each repetition."""

    workers: int
    runs: list[EngineRun]
    planning: dict[int, list[float]]
    mapping: dict[int, list[float]]


@dataclass(frozen=True)
class Imported:
    """The seconds an import took, in each repetition, and of the last one what took most of them."""

    what: str
    seconds: list[float]
    most: list[tuple[str, float]]


@dataclass(frozen=True)
class Results:
    """What was measured; a part that was not asked for is missing.

    speed: for each part, the seconds of a fixed loop just before it and just after.
    """

    airflow: dict[int, AirflowResult] = field(default_factory=dict)
    engine: EngineResult | None = None
    imports: list[Imported] = field(default_factory=list)
    speed: dict[str, tuple[float, float]] = field(default_factory=dict)
    alpaca: EngineResult | None = None


@dataclass(frozen=True)
class Target:
    """What was promised and what was measured. unit: `s`, or `×` for a ratio; strict: below the limit, not at it."""

    what: str
    limit: float
    unit: str
    measured: float
    strict: bool = True

    @property
    def is_met(self) -> bool:
        return self.measured < self.limit if self.strict else self.measured <= self.limit


def targets(results: Results) -> list[Target]:
    """Return the targets that were measured, with their medians."""
    found = []
    if five := results.airflow.get(5):
        found.append(Target("5 orders, our run beside the no-op", 1.12, "×", five.ratio(WHOLE), strict=False))
        found.append(Target("5 orders, from trigger to end", 5, "s", five.ours[WHOLE].median))
    if most := results.airflow.get(500):
        found.append(Target("500 orders, our run beside the no-op", 1.15, "×", most.ratio(WHOLE), strict=False))
    if engine := results.engine:
        sending = Spread.of(run.sending for run in engine.runs)
        found.append(Target("engine path, 500 orders submitted", 2.5, "s", sending.median, strict=False))
        found.append(Target("1 000 signals mapped", 0.1, "s", Spread.of(engine.planning[1000]).median))
    if results.engine and results.alpaca:
        ratio = engine_ratio(results.engine, results.alpaca)
        found.append(Target("engine path, 500 orders at Alpaca beside the gateway", 1.1, "×", ratio, strict=False))
    return found


def engine_ratio(gateway: EngineResult, alpaca: EngineResult) -> float:
    """Return how long the whole path takes at Alpaca's emulator, by the gateway's time: medians of the same minutes."""
    return Spread.of(run.whole for run in alpaca.runs).median / Spread.of(run.whole for run in gateway.runs).median
