"""Builders for planning tests: a plain strategy, signals, prices and inputs, each with what a test wants different."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from include.trading.models import Price, Signal
from include.trading.plan.plan import MappingRow, Plan, PlanInputs
from include.trading.strategy.spec import Strategy
from tests.support.strategies import made

NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
ALL_OFF = dict.fromkeys(
    (
        "order_notional_usd",
        "least_notional_usd",
        "order_shares",
        "price_distance",
        "gross_exposure",
        "net_exposure",
        "long_exposure",
        "short_exposure",
        "number_of_orders",
        "turnover_per_run",
        "turnover_per_day",
    ),
    "off",
)


def strategy(**changes: Any) -> Strategy:
    """A strategy of five symbols with 100 000 USD and every numeric limit off, so that a test names its own."""
    settings: dict[str, Any] = {
        "id": "daily_trading",
        "symbols": ["AAPL", "AMZN", "GOOGL", "MSFT", "TSLA"],
        "signals": {"service": {"top_n": 1, "bottom_n": 1}},
        "capital": 100_000,
        "max_position_size": 100_000,
        "limits": ALL_OFF,
    }
    return made(settings, **changes)


def signals(**weights: str | Decimal) -> tuple[Signal, ...]:
    """One signal a symbol, ranked by weight."""
    ranked = sorted(weights.items(), key=lambda item: (-Decimal(item[1]), item[0]))
    return tuple(
        Signal(symbol=symbol, predicted_return=Decimal(0), rank=rank, target_weight=Decimal(weight))
        for rank, (symbol, weight) in enumerate(ranked, start=1)
    )


def price(symbol: str, amount: str | int | Decimal) -> Price:
    return Price(symbol=symbol, price=Decimal(amount), at=NOW - timedelta(seconds=2), source="test")


def prices(**amounts: str | int | Decimal) -> dict[str, Price | str]:
    return {symbol: price(symbol, amount) for symbol, amount in amounts.items()}


def quantities(**shares: str | int | Decimal) -> dict[str, Decimal]:
    return {symbol: Decimal(quantity) for symbol, quantity in shares.items()}


def inputs(**changes: Any) -> PlanInputs:
    """A flat book, an active account, a v2 gateway; previous closes are the prices unless given."""
    values: dict[str, Any] = {
        "strategy": strategy(),
        "signals": (),
        "prices": {},
        "held": {},
        "open_quantity": {},
        "blocked": {},
        "account_state": "active",
        "traded_today": Decimal(0),
        "now": NOW,
    } | changes
    values.setdefault("previous_closes", values["prices"])
    return PlanInputs.model_validate(values)


def row(plan: Plan, symbol: str, leg: int = 1) -> MappingRow:
    (found,) = (row for row in plan.rows if (row.symbol, row.leg) == (symbol, leg))
    return found


def traded(plan: Plan) -> list[tuple[str, int, str, int]]:
    """The orders in their order, as (symbol, leg, side, quantity)."""
    return [(order.symbol, order.leg, order.side, order.quantity) for order in plan.orders]


def book_after(plan: Plan, held: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """What is held once every order of the plan filled."""
    book = dict(held)
    for order in plan.orders:
        book[order.symbol] = book.get(order.symbol, Decimal(0)) + order.signed_quantity
    return book
