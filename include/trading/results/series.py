"""A book's days in a row: drawdown after each, months, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from include.trading.results.entries import ZERO
from include.trading.results.measures import Measures, compounded, drawdowns, measures
from include.trading.results.row import BookKey, DayFigures


@dataclass(frozen=True)
class DayPoint(DayFigures):
    """A closed day as a point of a series."""

    @property
    def key(self) -> BookKey:
        return BookKey(self.account, self.strategy_id, self.mode)


@dataclass(frozen=True)
class Month:
    year: int
    month: int
    result: Decimal
    compounded: float


@dataclass(frozen=True)
class Series:
    """One book's days, oldest first, with the drawdown after each as a fraction, at most 0."""

    key: BookKey
    points: tuple[DayPoint, ...]
    drawdowns: tuple[float, ...]

    @property
    def last(self) -> DayPoint:
        return self.points[-1]

    @property
    def returns(self) -> list[float]:
        return [_known(point) for point in self.points]

    @property
    def measures(self) -> Measures:
        return measures(self.returns)

    def months(self) -> list[Month]:
        found: dict[tuple[int, int], list[DayPoint]] = {}
        for point in self.points:
            found.setdefault((point.session_date.year, point.session_date.month), []).append(point)
        return [
            Month(
                year,
                month,
                sum((point.result for point in points), ZERO),
                compounded([_known(point) for point in points]),
            )
            for (year, month), points in found.items()
        ]

    def total(self, name: str) -> Decimal:
        """Return the sum of a column over all days."""
        return sum((getattr(point, name) for point in self.points), ZERO)


def series_of(points: Sequence[DayPoint]) -> list[Series]:
    """Return the days by book, in the order in which the books first appear."""
    by_key: dict[BookKey, list[DayPoint]] = {}
    for point in points:
        by_key.setdefault(point.key, []).append(point)
    return [
        Series(key, tuple(found), tuple(drawdowns([_known(point) for point in found]))) for key, found in by_key.items()
    ]


def _known(point: DayPoint) -> float:
    # A day without money at work earned nothing.
    return point.daily_return or 0.0
