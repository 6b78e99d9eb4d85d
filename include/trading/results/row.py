"""A day's book and its neighbours as the ledger keeps them, field for column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from include.trading.results.day import BookState, Day
from include.trading.results.holding import Holding, Lot, Method

BookMode = Literal["paper", "live"]


class BookKey(NamedTuple):
    """Whose book: what a strategy trades on an account in one mode."""

    account: str
    strategy_id: str
    mode: BookMode


class ReadUpTo(NamedTuple):
    """How far a book has read what happened, by the ids of those tables."""

    movement_id: int = 0
    flow_id: int = 0
    activity_id: int = 0


@dataclass(frozen=True)
class DayFigures:
    """What a closed day came to, without its symbols."""

    account: str
    strategy_id: str
    mode: BookMode
    session_date: date
    equity_before: Decimal
    flows: Decimal
    result: Decimal
    equity: Decimal
    realised: Decimal
    unrealised: Decimal
    dividends: Decimal
    corrected: Decimal
    fees: Decimal
    cash: Decimal
    gross: Decimal
    net: Decimal
    turnover: Decimal
    cost_to_plan: Decimal
    cost_to_close: Decimal
    daily_return: float | None


@dataclass(frozen=True)
class DayRow(DayFigures):
    """A closed day. symbols: by symbol what SymbolDay has, and the lots of what is held."""

    id: int
    method: Method
    stale: list[str]
    symbols: dict[str, dict[str, Any]]
    movement_id: int
    flow_id: int
    activity_id: int
    actor: str
    at: datetime

    @property
    def key(self) -> BookKey:
        return BookKey(self.account, self.strategy_id, self.mode)

    @property
    def read_up_to(self) -> ReadUpTo:
        return ReadUpTo(self.movement_id, self.flow_id, self.activity_id)

    @property
    def state(self) -> BookState:
        """What the day leaves to the next."""
        held = {
            symbol: Holding(
                tuple(Lot(Decimal(quantity), Decimal(cost)) for quantity, cost in kept["lots"]),
                None if kept["price"] is None else Decimal(kept["price"]),
            )
            for symbol, kept in self.symbols.items()
            if kept["lots"]
        }
        return BookState(self.cash, held)


@dataclass(frozen=True)
class AccountDay:
    """What a venue says that an account is worth, and how much of the change our books explain. USD."""

    id: int
    account: str
    session_date: date
    equity_before: Decimal | None
    equity: Decimal
    cash: Decimal
    result: Decimal
    others: Decimal
    flows: Decimal
    unexplained: Decimal | None
    activity_id: int
    prices: dict[str, str]
    words: str
    at: datetime


def symbols_kept(day: Day) -> dict[str, dict[str, Any]]:
    """Return each symbol's part of a day as it is kept: numbers as text, so that no digit is lost."""
    names = ("quantity", "cost", "value", "realised", "unrealised", "dividends", "corrected")
    more = ("turnover", "cost_to_plan", "cost_to_close", "result")
    return {
        symbol.symbol: {
            **{name: plain(getattr(symbol, name)) for name in (*names, *more)},
            "price": None if symbol.price is None else plain(symbol.price),
            "stale": symbol.stale,
            "lots": [
                [plain(lot.quantity), plain(lot.cost)] for lot in day.state.holdings.get(symbol.symbol, Holding()).lots
            ],
        }
        for symbol in day.symbols
    }


def figures(day: Day) -> Mapping[str, Decimal]:
    """Return the day's amounts by the names of their columns."""
    names = ("equity_before", "flows", "result", "equity", "realised", "unrealised", "dividends", "corrected", "fees")
    more = ("gross", "net", "turnover", "cost_to_plan", "cost_to_close")
    return {name: getattr(day, name) for name in (*names, *more)} | {"cash": day.state.cash}


def plain(number: Decimal) -> str:
    """Return a number's digits without an exponent or trailing zeros."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
