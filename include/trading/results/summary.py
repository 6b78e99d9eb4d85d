"""What a report says of a stretch of days: totals, figures, costs, and what each symbol earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from include.trading.results.entries import ZERO
from include.trading.results.measures import Measures
from include.trading.results.series import Month, Series

_BASIS_POINTS = 10_000


@dataclass(frozen=True)
class SymbolResult:
    """A symbol over all days, in USD. value: after the last of them."""

    symbol: str
    result: Decimal
    realised: Decimal
    dividends: Decimal
    turnover: Decimal
    cost_to_plan: Decimal
    cost_to_close: Decimal
    value: Decimal


@dataclass(frozen=True)
class Deviation:
    """Where what is held after a session is not what its plan wanted. worth: USD at the close, None without one."""

    symbol: str
    planned: Decimal
    held: Decimal
    worth: Decimal | None


@dataclass(frozen=True)
class BookReport:
    """One book over some days. The costs are what fills cost more than the plan's prices, and than the closes."""

    account: str
    strategy_id: str
    mode: str
    first: date
    last: date
    equity_before: Decimal
    flows: Decimal
    result: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    dividends: Decimal
    corrected: Decimal
    fees: Decimal
    turnover: Decimal
    cost_to_plan: Decimal
    cost_to_plan_bp: Decimal | None
    cost_to_close: Decimal
    cost_to_close_bp: Decimal | None
    figures: Measures
    months: list[Month]
    symbols: list[SymbolResult]
    deviations: list[Deviation]


def book_report(
    series: Series, symbols: Sequence[Mapping[str, Mapping[str, Any]]], deviations: Sequence[Deviation]
) -> BookReport:
    """Return the report on a book's days. symbols: what each day keeps by symbol, oldest first."""
    turnover = series.total("turnover")
    return BookReport(
        **series.key._asdict(),
        first=series.points[0].session_date,
        last=series.last.session_date,
        equity_before=series.points[0].equity_before,
        equity=series.last.equity,
        flows=series.total("flows"),
        result=series.total("result"),
        realised=series.total("realised"),
        unrealised=series.total("unrealised"),
        dividends=series.total("dividends"),
        corrected=series.total("corrected"),
        fees=series.total("fees"),
        turnover=turnover,
        cost_to_plan=series.total("cost_to_plan"),
        cost_to_plan_bp=basis_points(series.total("cost_to_plan"), turnover),
        cost_to_close=series.total("cost_to_close"),
        cost_to_close_bp=basis_points(series.total("cost_to_close"), turnover),
        figures=series.measures,
        months=series.months(),
        symbols=by_symbol(symbols),
        deviations=list(deviations),
    )


def basis_points(cost: Decimal, turnover: Decimal) -> Decimal | None:
    """Return a cost in hundredths of a per cent of what was traded; None where nothing was."""
    return round(cost / turnover * _BASIS_POINTS, 2) if turnover else None


def by_symbol(days: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[SymbolResult]:
    """Return each symbol's sums over the days, what earned most first."""
    names = ("result", "realised", "dividends", "turnover", "cost_to_plan", "cost_to_close")
    sums: dict[str, dict[str, Decimal]] = {}
    for day in days:
        for symbol, kept in day.items():
            found = sums.setdefault(symbol, dict.fromkeys(names, ZERO))
            for name in names:
                found[name] += Decimal(kept[name])
    last = days[-1] if days else {}
    rows = [
        SymbolResult(symbol, **found, value=Decimal(last[symbol]["value"]) if symbol in last else ZERO)
        for symbol, found in sums.items()
    ]
    return sorted(rows, key=lambda row: (-row.result, row.symbol))
