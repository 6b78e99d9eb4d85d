"""What a chain of replays comes to by month and by symbol."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby

from pydantic import Field

from include.trading.models import Symbol, Value
from include.trading.plan.whatif import SessionResult

_ZERO = Decimal(0)


class MonthResult(Value):
    """The sessions of a month that were filled. month_return is None where equity was not positive before."""

    year: int
    month: int
    sessions: int
    result: Decimal = Field(description="USD, costs taken off")
    month_return: Decimal | None = Field(description="result as a fraction of the equity before the month")
    traded: Decimal = Field(description="USD, buys and sells added")
    trades: int
    equity: Decimal = Field(description="USD after the month's last session")


class SymbolResult(Value):
    """One symbol over the whole chain. The results of all symbols are what the capital became, less the capital."""

    symbol: Symbol
    result: Decimal = Field(description="USD, costs taken off")
    contribution: Decimal = Field(description="result as a fraction of the capital")
    traded: Decimal = Field(description="USD, buys and sells added")
    trades: int
    sessions: int = Field(description="sessions after which it was held")
    quantity: Decimal = Field(description="signed shares held after the last session")
    value: Decimal = Field(description="USD, of these at the last close")


def by_month(capital: Decimal, results: Sequence[SessionResult]) -> tuple[MonthResult, ...]:
    """Return the months of a chain, oldest first."""
    found, before = [], capital
    for (year, month), sessions in groupby(results, key=lambda each: (each.session.year, each.session.month)):
        days = list(sessions)
        after = days[-1].equity
        found.append(
            MonthResult(
                year=year,
                month=month,
                sessions=len(days),
                result=after - before,
                month_return=(after - before) / before if before > 0 else None,
                traded=sum((day.traded for day in days), _ZERO),
                trades=sum(day.trades for day in days),
                equity=after,
            )
        )
        before = after
    return tuple(found)


def by_symbol(capital: Decimal, results: Sequence[SessionResult]) -> tuple[SymbolResult, ...]:
    """Return the symbols of a chain that were ever held, the best first."""
    books = sorted({symbol for result in results for symbol in result.symbols})
    found = [_symbol(capital, symbol, results) for symbol in books]
    return tuple(sorted(found, key=lambda each: (-each.result, each.symbol)))


def _symbol(capital: Decimal, symbol: Symbol, results: Sequence[SessionResult]) -> SymbolResult:
    days = [result.symbols[symbol] for result in results if symbol in result.symbols]
    result = sum((day.result for day in days), _ZERO)
    return SymbolResult(
        symbol=symbol,
        result=result,
        contribution=result / capital,
        traded=sum((day.traded for day in days), _ZERO),
        trades=sum(day.traded > 0 for day in days),
        sessions=sum(day.quantity != 0 for day in days),
        quantity=days[-1].quantity,
        value=days[-1].value,
    )
