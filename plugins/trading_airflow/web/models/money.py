"""Equity, results, positions and what made them up. USD as text, fractions as numbers."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from pydantic import Field

from include.trading.results.entries import EntryKind
from trading_airflow.web.models.base import Answer, Body, Reason, example

BookMode = Literal["paper", "live"]


class MoneyPoint(Answer):
    """One closed session of a book."""

    model_config = example(
        {
            "session_date": "2026-01-05",
            "equity": "100215.30",
            "result": "215.30",
            "flows": "0.00",
            "daily_return": 0.002153,
            "drawdown": 0.0,
            "gross": "98000.50",
            "net": "-120.10",
            "turnover": "12000.00",
            "cost_to_plan": "3.10",
        }
    )

    session_date: date
    equity: Decimal = Field(description="of the strategy's own book after the close")
    result: Decimal = Field(description="realised, unrealised, dividends and corrections, less fees")
    flows: Decimal = Field(description="what a person put in or took out")
    daily_return: float | None = Field(description="time-weighted, as a fraction; null: no money was at work")
    drawdown: float = Field(description="how far below its highest value, as a fraction, at most 0")
    gross: Decimal = Field(description="longs and shorts together")
    net: Decimal = Field(description="longs less shorts")
    turnover: Decimal
    cost_to_plan: Decimal = Field(description="what fills cost more than the plan's prices")


class Measured(Answer):
    """Figures of all sessions of a book, as fractions; null: too few sessions to say."""

    sessions: int
    total_return: float
    annual_return: float | None
    volatility: float | None = Field(description="of a year")
    sharpe: float | None = Field(description="without a riskless rate")
    max_drawdown: float
    best: float | None
    worst: float | None


class BookSummary(Answer):
    """What a strategy has on an account after its newest closed session."""

    account: str
    strategy_id: str
    dag_id: str
    mode: BookMode
    first_session: date
    session_date: date
    equity: Decimal
    result: Decimal
    daily_return: float | None
    cash: Decimal
    gross: Decimal
    net: Decimal
    drawdown: float
    result_in_all: Decimal
    flows_in_all: Decimal
    measures: Measured
    stale: list[str] = Field(description="symbols without a close, valued at an earlier price")
    points: list[MoneyPoint] = Field(description="the newest sessions, oldest first")


class AccountPoint(Answer):
    session_date: date
    equity: Decimal
    cash: Decimal
    result: Decimal = Field(description="of our strategies' books")
    others: Decimal = Field(description="dividends, fees and interest at the venue, less what our books count")
    flows: Decimal = Field(description="what was paid in or out, by the venue's word")
    unexplained: Decimal | None = Field(description="null: the first day")


class AccountMoney(Answer):
    """What a venue says that an account is worth, and how much of the change our books explain."""

    account: str
    session_date: date
    equity: Decimal
    unexplained: Decimal | None
    limit: Decimal = Field(description="from which a difference is warned about")
    points: list[AccountPoint]


class Money(Answer):
    books: list[BookSummary]
    accounts: list[AccountMoney] = Field(description="only those whose venue tells what they are worth")


class MoneyPosition(Answer):
    """What a strategy holds of a symbol after the close, and what the symbol earned in that session."""

    symbol: str
    quantity: Decimal
    price: Decimal | None
    value: Decimal
    cost: Decimal
    weight: float | None = Field(description="of the book's equity, as a fraction")
    result: Decimal = Field(description="of the session")
    realised: Decimal
    unrealised: Decimal = Field(description="its change in the session")
    open_result: Decimal = Field(description="value less cost: unrealised in all")
    dividends: Decimal
    turnover: Decimal
    cost_to_plan: Decimal
    cost_to_close: Decimal
    stale: bool


class MoneyLine(Answer):
    """One thing that made up a day."""

    session_date: date
    kind: EntryKind
    symbol: str | None
    quantity: Decimal
    amount: Decimal = Field(description="USD: paid for shares, or come in")
    to: str | None
    of_session: date | None = Field(description="the session it belongs to, where it came late")
    correction_id: int | None
    words: str | None


class MoneyMonth(Answer):
    year: int
    month: int
    result: Decimal
    compounded: float = Field(description="return of the month, as a fraction")


class MoneyDay(Answer):
    """A closed session of a book: its figures, positions, and what made it up."""

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
    method: Literal["average", "fifo"]
    closed_at: datetime
    positions: list[MoneyPosition]
    total_positions: int
    lines: list[MoneyLine]
    total_lines: int


class StrategyMoney(Answer):
    """A strategy's books: curve, months, figures, and the positions of the newest closed session."""

    book: BookSummary
    months: list[MoneyMonth]
    turnover_in_all: Decimal
    cost_to_plan_in_all: Decimal
    cost_to_close_in_all: Decimal
    fees_in_all: Decimal
    dividends_in_all: Decimal
    day: MoneyDay


class StrategyBooks(Answer):
    books: list[StrategyMoney] = Field(description="one an account and mode that it has traded in")


class CorporateAction(Answer):
    """What a company announced, and the state it is in for a strategy that holds or trades the symbol."""

    id: int
    account: str
    strategy_id: str
    kind: str = Field(description="forward_split, reverse_split, name_change, cash_merger, …")
    symbol: str
    new_symbol: str | None
    ratio: Decimal | None = Field(description="new shares for an old one")
    ex_date: date
    state: Literal["proposed", "blocked", "applied", "dismissed"]
    words: str = Field(description="what was announced, and what our books and the venue show")
    correction_id: int | None
    actor: str
    changed_at: datetime
    may_act: bool = Field(description="whether you may book or dismiss it")


class CorporateActionList(Answer):
    actions: list[CorporateAction]
    limit: int
    offset: int


class ActionBody(Body):
    reason: Reason
