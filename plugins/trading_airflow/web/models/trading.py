"""Orders, positions and symbols across runs, as the pages list them."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from pydantic import Field

from include.trading.models import Mode, Side
from trading_airflow.web.models.base import Answer, example
from trading_airflow.web.models.examples import RUN_ID

_ORDER = {
    "client_order_id": "p1c0ffee1c0ffee1c0ffee1c",
    "account": "main",
    "strategy_id": "daily_trading",
    "mode": "paper",
    "symbol": "AAPL",
    "leg": 1,
    "side": "buy",
    "quantity": "222",
    "price": "189.50",
    "reduces": False,
    "state": "open",
    "reason": None,
    "message": None,
    "attempt": 1,
    "filled_quantity": "100",
    "filled_avg_price": "189.52",
    "first_sent_at": "2026-01-05T14:30:03Z",
    "acknowledged_at": "2026-01-05T14:30:04Z",
    "final_at": None,
    "session_date": "2026-01-05",
    "send_until": "2026-01-05T15:15:00Z",
    "run_id": RUN_ID,
    "dag_id": "daily_trading",
    "airflow_run_id": "scheduled__2026-01-05T14:30:00+00:00",
}
_POSITION = {
    "account": "main",
    "strategy_id": "daily_trading",
    "mode": "paper",
    "symbol": "AAPL",
    "quantity": "222",
    "corrected": "0",
    "moved_at": "2026-01-05T14:30:05Z",
    "price": "189.50",
    "price_at": "2026-01-05T14:30:00Z",
    "value": "42069.00",
    "weight": "0.420690",
    "average_cost": "189.52",
    "unrealised": "-4.44",
    "day_result": "-4.44",
}


class OrderSummary(Answer):
    """One order in a list, with the session it belongs to and the DAG run that planned it."""

    model_config = example(_ORDER)

    client_order_id: str
    account: str
    strategy_id: str
    mode: Mode
    symbol: str
    leg: int
    side: Side
    quantity: Decimal
    price: Decimal = Field(description="USD a share, as planned")
    reduces: bool
    state: str
    reason: str | None
    message: str | None
    attempt: int = Field(description="POSTs so far")
    filled_quantity: Decimal
    filled_avg_price: Decimal | None
    first_sent_at: datetime | None
    acknowledged_at: datetime | None
    final_at: datetime | None
    session_date: date
    send_until: datetime
    run_id: UUID | None
    dag_id: str | None
    airflow_run_id: str | None


class OrderList(Answer):
    """A page of orders, newest first."""

    model_config = example({"orders": [_ORDER], "total": 1, "limit": 50, "offset": 0})

    orders: list[OrderSummary]
    total: int = Field(description="how many fit, on this page or not")
    limit: int
    offset: int


class Position(Answer):
    """What a strategy holds of one symbol. USD."""

    model_config = example(_POSITION)

    account: str
    strategy_id: str
    mode: Mode
    symbol: str
    quantity: Decimal = Field(description="signed shares")
    corrected: Decimal = Field(description="the part of them that corrections made, not fills")
    moved_at: datetime = Field(description="when it last changed")
    price: Decimal | None = Field(description="of the newest plan, or of the newest closed session where that is later")
    price_at: datetime | None
    value: Decimal | None = Field(description="signed shares times price")
    weight: Decimal | None = Field(
        description="value as a share of the book's equity; of the plan's capital before the first close"
    )
    average_cost: Decimal | None = Field(
        description="USD a share; null where shares moved since the newest closed session"
    )
    unrealised: Decimal | None = Field(description="value less cost, in all")
    day_result: Decimal | None = Field(description="of the symbol in the newest closed session")


class PositionList(Answer):
    """A page of positions: by strategy, the largest first."""

    model_config = example({"positions": [_POSITION], "total": 1, "limit": 500, "offset": 0})

    positions: list[Position]
    total: int = Field(description="how many there are, on this page or not")
    limit: int
    offset: int


class SymbolList(Answer):
    symbols: list[str] = Field(description="those that strategies ask for or ever held, in alphabetical order")
    total: int
    limit: int
    offset: int


class SymbolEvent(Answer):
    """One thing that happened to a symbol."""

    at: datetime
    kind: str = Field(description="signal, order, fill, correction, transfer, adopted or break")
    account: str
    strategy_id: str | None
    mode: str | None
    session_date: date | None
    side: Side | None
    quantity: Decimal | None = Field(
        description="a signal's wanted change, an order's shares, a movement's sign and shares"
    )
    price: Decimal | None = Field(description="USD a share; a fill has its order's average")
    position: Decimal | None = Field(description="what the strategy holds after it")
    rank: int | None
    predicted_return: Decimal | None
    target_weight: Decimal | None
    words: str | None = Field(description="a signal's outcome, an order's state, a correction's kind, a break's kind")
    reason: str | None
    client_order_id: str | None
    dag_id: str | None
    airflow_run_id: str | None


class SymbolSession(Answer):
    """A symbol in one session of a strategy: its newest plan and what came of it."""

    strategy_id: str
    account: str
    mode: Mode
    session_date: date
    price: Decimal | None
    target_weight: Decimal | None
    predicted_return: Decimal | None
    quantity: Decimal = Field(description="held after the session's newest run")


class SymbolHistory(Answer):
    """A symbol over time: what holds it now, each session, and a page of its events, newest first."""

    model_config = example(
        {
            "symbol": "AAPL",
            "positions": [_POSITION],
            "sessions": [],
            "events": [
                {
                    "at": "2026-01-05T14:30:05Z",
                    "kind": "fill",
                    "account": "main",
                    "strategy_id": "daily_trading",
                    "mode": "paper",
                    "session_date": None,
                    "side": None,
                    "quantity": "222",
                    "price": "189.52",
                    "position": "222",
                    "rank": None,
                    "predicted_return": None,
                    "target_weight": None,
                    "words": None,
                    "reason": None,
                    "client_order_id": "p1c0ffee1c0ffee1c0ffee1c",
                    "dag_id": None,
                    "airflow_run_id": None,
                }
            ],
            "total": 1,
            "limit": 100,
            "offset": 0,
        }
    )

    symbol: str
    positions: list[Position]
    sessions: list[SymbolSession]
    events: list[SymbolEvent]
    total: int = Field(description="how many events there are, on this page or not")
    limit: int
    offset: int
