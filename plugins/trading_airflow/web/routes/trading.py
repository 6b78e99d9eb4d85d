"""Orders, positions and symbols across runs: what the pages list besides runs and accounts."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from include.ledger.ledger import Ledger
from include.ledger.page_histories import PageHistories
from include.ledger.page_orders import OrderFilter, PageOrders
from include.trading.models import Symbol
from include.trading.results.row import BookKey, DayRow
from trading_airflow.web import place
from trading_airflow.web.models.trading import (
    OrderList,
    OrderSummary,
    Position,
    PositionList,
    SymbolEvent,
    SymbolHistory,
    SymbolList,
    SymbolSession,
)
from trading_airflow.web.place import LedgerOfRequest, readable_dags
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.webauth import User

router = APIRouter(tags=["trading"])
LISTED = responses(401, 403, 422, 503)
NO_NUL = r"^[^\x00]+$"
LARGEST_OFFSET = 1_000_000
MOST_ORDERS = 200
MOST_POSITIONS = 500
MOST_SYMBOLS = 1000
MOST_EVENTS = 200
# A plot's points; about two years of one strategy's sessions.
MOST_SESSIONS = 500

Name = Annotated[str | None, Field(max_length=200, pattern=NO_NUL)]


class _Page(BaseModel):
    """An unknown filter is an error, so that a typing mistake does not list everything."""

    model_config = ConfigDict(extra="forbid")

    offset: int = Field(default=0, ge=0, le=LARGEST_OFFSET)
    account: Name = None
    strategy_id: Name = None


class OrderQuery(_Page):
    limit: int = Field(default=50, ge=1, le=MOST_ORDERS)
    symbol: Symbol | None = None
    live: bool | None = Field(default=None, description="true: those that may still trade; false: those that ended")


class PositionQuery(_Page):
    limit: int = Field(default=MOST_POSITIONS, ge=1, le=MOST_POSITIONS)


@router.get("/orders", response_model=OrderList, summary="List orders", responses=LISTED)
def list_orders(user: User, ledger: LedgerOfRequest, query: Annotated[OrderQuery, Query()]) -> OrderList:
    """List the orders that fit, newest first, of every run of the strategies you may read."""
    wanted = OrderFilter(
        strategy_ids=readable_strategies(user, ledger),
        account=query.account,
        strategy_id=query.strategy_id,
        symbol=query.symbol,
        live=query.live,
    )
    orders = PageOrders(ledger.connection)
    rows = orders.orders(wanted, limit=query.limit, offset=query.offset)
    return OrderList(
        orders=[OrderSummary.model_validate(row) for row in rows],
        total=orders.count_orders(wanted),
        limit=query.limit,
        offset=query.offset,
    )


@router.get("/positions", response_model=PositionList, summary="List positions", responses=LISTED)
def list_positions(user: User, ledger: LedgerOfRequest, query: Annotated[PositionQuery, Query()]) -> PositionList:
    """List what each strategy holds by our own book, valued at the prices of its newest plan."""
    found = _positions(user, ledger, account=query.account, strategy_id=query.strategy_id, symbol=None)
    return PositionList(
        positions=found[query.offset : query.offset + query.limit],
        total=len(found),
        limit=query.limit,
        offset=query.offset,
    )


@router.get("/symbols", response_model=SymbolList, summary="List symbols", responses=LISTED)
def list_symbols(
    user: User,
    ledger: LedgerOfRequest,
    limit: Annotated[int, Query(ge=1, le=MOST_SYMBOLS)] = MOST_SYMBOLS,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> SymbolList:
    """List the symbols that your strategies ask for now or ever held."""
    readable = readable_strategies(user, ledger)
    asked = [symbol for found in place.strategies_if_any() if found.id in readable for symbol in found.symbols]
    symbols = sorted({*asked, *PageHistories(ledger.connection).traded_symbols(readable)})
    return SymbolList(symbols=symbols[offset : offset + limit], total=len(symbols), limit=limit, offset=offset)


@router.get(
    "/symbols/{symbol}",
    response_model=SymbolHistory,
    summary="Read a symbol",
    responses=responses(401, 403, 404, 422, 503),
)
def read_symbol(
    user: User,
    ledger: LedgerOfRequest,
    symbol: Annotated[Symbol, Path(description="as the strategies name it")],
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 100,
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET)] = 0,
) -> SymbolHistory:
    """Return every signal, order, fill, correction and break of a symbol in time, and what holds it now."""
    readable = readable_strategies(user, ledger)
    histories = PageHistories(ledger.connection)
    dag_ids = set(readable_dags(user, ledger))
    accounts = [name for name, found in place.accounts(ledger).items() if dag_ids & set(found.dag_ids)]
    events, total = histories.of_symbol(symbol, strategy_ids=readable, accounts=accounts, limit=limit, offset=offset)
    asked = any(symbol in found.symbols for found in place.strategies_if_any() if found.id in readable)
    if not total and not asked:
        raise Problem(
            404, "Not found", f"no strategy that you may read ever asked for {symbol}: GET /symbols lists them"
        )
    return SymbolHistory(
        symbol=symbol,
        positions=_positions(user, ledger, account=None, strategy_id=None, symbol=symbol),
        sessions=[
            SymbolSession.model_validate(row)
            for row in histories.sessions_of(symbol, strategy_ids=readable, most=MOST_SESSIONS)
        ],
        events=[SymbolEvent.model_validate(row) for row in events],
        total=total,
        limit=limit,
        offset=offset,
    )


def readable_strategies(user: User, ledger: Ledger) -> list[str]:
    """Return the strategies, of now or before, whose runs the user may read; answers 403 when there is none."""
    dag_ids = readable_dags(user, ledger)
    now = [found.id for found in place.strategies_if_any() if found.dag_id in dag_ids]
    return sorted({*now, *PageOrders(ledger.connection).strategies(dag_ids)})


def _positions(
    user: User, ledger: Ledger, *, account: str | None, strategy_id: str | None, symbol: str | None
) -> list[Position]:
    rows = PageOrders(ledger.connection).positions(
        readable_strategies(user, ledger), account=account, strategy_id=strategy_id, symbol=symbol
    )
    days = {day.key: day for day in ledger.results.last_days(account=account)}
    keys = [BookKey(row["account"], row["strategy_id"], row["mode"]) for row in rows]
    return [_position(row, days.get(key)) for row, key in zip(rows, keys, strict=True)]


def _position(row: Mapping[str, Any], day: DayRow | None) -> Position:
    """Return a position with what its newest closed session says, as far as nothing moved since."""
    kept = {} if day is None else day.symbols.get(row["symbol"], {})
    price, price_at = row["price"], row["price_at"]
    if day is not None and kept.get("price") is not None and (price_at is None or day.at > price_at):
        price, price_at = Decimal(kept["price"]), day.at
    # A split changes what a share is worth: a price from before it says nothing of the shares after it.
    if row["corrected_at"] is not None and price_at is not None and row["corrected_at"] > price_at:
        price = price_at = None
    value = None if price is None else _rounded(row["quantity"] * price, "0.01")
    whole = row["capital"] if day is None else day.equity
    is_same = bool(kept) and Decimal(kept["quantity"]) == row["quantity"]
    cost = Decimal(kept["cost"]) if is_same else None
    return Position.model_validate(
        {
            **row,
            "price": price,
            "price_at": price_at,
            "value": value,
            "weight": None if value is None or not whole or whole < 0 else _rounded(value / whole, "0.000001"),
            "average_cost": None if cost is None else _rounded(cost / row["quantity"], "0.0001"),
            "unrealised": None if cost is None or value is None else value - cost,
            "day_result": kept.get("result"),
        }
    )


def _rounded(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step))
