"""Returns and what follows from them: compounded return, volatility, Sharpe ratio, drawdown, months."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

SESSIONS_A_YEAR: Final = 252


@dataclass(frozen=True)
class Measures:
    """Figures of a series of daily returns, as fractions; None where there are too few to say."""

    sessions: int
    total_return: float
    annual_return: float | None
    volatility: float | None
    sharpe: float | None
    max_drawdown: float
    best: float | None
    worst: float | None


def daily_return(equity_before: Decimal, flows: Decimal, result: Decimal) -> float | None:
    """Return the day's time-weighted return, with flows at the beginning of the day; None without money at work."""
    base = equity_before + flows
    return float(result / base) if base > 0 else None


def compounded(returns: Sequence[float]) -> float:
    return math.prod(1 + each for each in returns) - 1


def drawdowns(returns: Sequence[float]) -> list[float]:
    """Return after each day how far the compounded value is below its highest, at most 0."""
    value, peak, found = 1.0, 1.0, []
    for each in returns:
        value *= 1 + each
        peak = max(peak, value)
        found.append(value / peak - 1 if peak > 0 else 0.0)
    return found


def volatility(returns: Sequence[float]) -> float | None:
    """Return the standard deviation of a year, from that of the days."""
    deviation = _deviation(returns)
    return None if deviation is None else deviation * math.sqrt(SESSIONS_A_YEAR)


def sharpe(returns: Sequence[float]) -> float | None:
    """Return a year's mean return for its deviation, with nothing taken off for a riskless rate."""
    deviation = _deviation(returns)
    if not deviation:
        return None
    return math.fsum(returns) / len(returns) / deviation * math.sqrt(SESSIONS_A_YEAR)


def measures(returns: Sequence[float]) -> Measures:
    total = compounded(returns)
    years = len(returns) / SESSIONS_A_YEAR
    return Measures(
        sessions=len(returns),
        total_return=total,
        annual_return=(1 + total) ** (1 / years) - 1 if returns and total > -1 else None,
        volatility=volatility(returns),
        sharpe=sharpe(returns),
        max_drawdown=min(drawdowns(returns), default=0.0),
        best=max(returns, default=None),
        worst=min(returns, default=None),
    )


def by_month(returns: Sequence[tuple[date, float]]) -> dict[tuple[int, int], float]:
    """Return the compounded return of each (year, month) that there are days of."""
    months: dict[tuple[int, int], list[float]] = {}
    for day, each in returns:
        months.setdefault((day.year, day.month), []).append(each)
    return {month: compounded(found) for month, found in months.items()}


def _deviation(returns: Sequence[float]) -> float | None:
    if len(returns) < 2:
        return None
    mean = math.fsum(returns) / len(returns)
    return math.sqrt(math.fsum((each - mean) ** 2 for each in returns) / (len(returns) - 1))
