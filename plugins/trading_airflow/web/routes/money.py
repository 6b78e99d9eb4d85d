"""What trading earned and what it holds: by strategy, by account, and day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path, Query

from include.ledger.ledger import Ledger
from include.trading.results.account import unexplained_limit
from include.trading.results.row import BookKey, DayRow
from include.trading.results.series import Series, series_of
from include.trading.strategy.spec import dag_id_of
from trading_airflow.web import place
from trading_airflow.web.models.money import (
    AccountMoney,
    AccountPoint,
    BookMode,
    BookSummary,
    Measured,
    Money,
    MoneyDay,
    MoneyLine,
    MoneyMonth,
    MoneyPoint,
    MoneyPosition,
    StrategyBooks,
    StrategyMoney,
)
from trading_airflow.web.place import LedgerOfRequest, readable_dags
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.webauth import User

router = APIRouter(prefix="/money", tags=["money"])
LOOKED_AT = responses(401, 403, 404, 422, 503)
Sessions = Annotated[int, Query(ge=1, le=1000, description="how many of the newest sessions to list")]
Limit = Annotated[int, Query(ge=1, le=1000)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
StrategyId = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]+$")]
AccountName = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]+$")]


@router.get("", response_model=Money, summary="Equity and results", responses=responses(401, 403, 422, 503))
def read_money(user: User, ledger: LedgerOfRequest, sessions: Sessions = 250) -> Money:
    """Return every book with its equity, its newest session's result and drawdown, and what accounts are worth."""
    readable = set(readable_dags(user, ledger))
    found = [each for each in series_of(ledger.results.points()) if dag_id_of(each.key.strategy_id) in readable]
    stale = {row.key: row.stale for row in ledger.results.last_days()}
    accounts = [name for name, at in place.accounts(ledger).items() if readable & set(at.dag_ids)]
    return Money(
        books=[_summary(each, stale.get(each.key, []), sessions) for each in found],
        accounts=[money for name in accounts if (money := _account(ledger, name, sessions)) is not None],
    )


@router.get("/{strategy_id}", response_model=StrategyBooks, summary="A strategy's money", responses=LOOKED_AT)
def read_strategy_money(
    user: User,
    ledger: LedgerOfRequest,
    strategy_id: StrategyId,
    sessions: Sessions = 250,
    positions: Limit = 100,
) -> StrategyBooks:
    """Return a strategy's books: equity curve, drawdown, months, figures and positions; none before the first close."""
    _check_readable(user, ledger, strategy_id)
    found = series_of(ledger.results.points(strategy_ids=[strategy_id]))
    last = {row.key: row for row in ledger.results.last_days()}
    return StrategyBooks(
        books=[
            StrategyMoney(
                book=_summary(each, last[each.key].stale, sessions),
                months=[MoneyMonth.model_validate(month) for month in each.months()],
                turnover_in_all=each.total("turnover"),
                cost_to_plan_in_all=each.total("cost_to_plan"),
                cost_to_close_in_all=each.total("cost_to_close"),
                fees_in_all=each.total("fees"),
                dividends_in_all=each.total("dividends"),
                day=_day(ledger, last[each.key], limit=positions, offset=0),
            )
            for each in found
            if each.key in last
        ]
    )


@router.get("/{strategy_id}/days/{session}", response_model=MoneyDay, summary="A day's book", responses=LOOKED_AT)
def read_day(
    user: User,
    ledger: LedgerOfRequest,
    strategy_id: StrategyId,
    session: date,
    account: AccountName,
    mode: BookMode = "paper",
    limit: Limit = 100,
    offset: Offset = 0,
) -> MoneyDay:
    """Return one closed session of a book; `limit` and `offset` page its positions and its lines."""
    _check_readable(user, ledger, strategy_id)
    row = ledger.results.day(BookKey(account, strategy_id, mode), session)
    if row is None:
        raise Problem(404, "Not found", f"no book of {strategy_id} on {account} ({mode}) is closed for {session}")
    return _day(ledger, row, limit=limit, offset=offset)


def _check_readable(user: User, ledger: Ledger, strategy_id: str) -> None:
    if dag_id_of(strategy_id) not in readable_dags(user, ledger):
        raise Problem(404, "Not found", f"no strategy {strategy_id!r}: GET /strategies lists those there are")


def _summary(series: Series, stale: Sequence[str], sessions: int) -> BookSummary:
    last = series.last
    points = list(zip(series.points, series.drawdowns, strict=True))[-sessions:]
    return BookSummary(
        **series.key._asdict(),
        dag_id=dag_id_of(series.key.strategy_id),
        first_session=series.points[0].session_date,
        session_date=last.session_date,
        equity=last.equity,
        result=last.result,
        daily_return=last.daily_return,
        cash=last.cash,
        gross=last.gross,
        net=last.net,
        drawdown=series.drawdowns[-1],
        result_in_all=series.total("result"),
        flows_in_all=series.total("flows"),
        measures=Measured.model_validate(series.measures),
        stale=list(stale),
        points=[MoneyPoint.model_validate({**vars(point), "drawdown": drawdown}) for point, drawdown in points],
    )


def _account(ledger: Ledger, account: str, sessions: int) -> AccountMoney | None:
    days = ledger.results.account_days(account, limit=sessions)
    if not days:
        return None
    return AccountMoney(
        account=account,
        session_date=days[0].session_date,
        equity=days[0].equity,
        unexplained=days[0].unexplained,
        limit=unexplained_limit(days[0].equity),
        points=[AccountPoint.model_validate(day) for day in reversed(days)],
    )


def _day(ledger: Ledger, row: DayRow, *, limit: int, offset: int) -> MoneyDay:
    lines = ledger.results.lines([row.id])
    symbols = sorted(row.symbols, key=lambda each: _by_value(row, each))
    return MoneyDay.model_validate(
        {
            **vars(row),
            "closed_at": row.at,
            "positions": [_position(row, symbol) for symbol in symbols[offset : offset + limit]],
            "total_positions": len(symbols),
            "lines": [MoneyLine.model_validate(line) for line in lines[offset : offset + limit]],
            "total_lines": len(lines),
        }
    )


def _by_value(row: DayRow, symbol: str) -> tuple[Decimal, Decimal, str]:
    kept = row.symbols[symbol]
    return -abs(Decimal(kept["value"])), -abs(Decimal(kept["result"])), symbol


def _position(row: DayRow, symbol: str) -> MoneyPosition:
    kept = row.symbols[symbol]
    value, cost = Decimal(kept["value"]), Decimal(kept["cost"])
    return MoneyPosition.model_validate(
        {
            **kept,
            "symbol": symbol,
            "weight": float(value / row.equity) if row.equity > 0 else None,
            "open_result": value - cost,
        }
    )
