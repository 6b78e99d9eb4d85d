"""Strategies, what `check` says, history and health."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from include.trading.models import Mode
from trading_airflow.web.models.base import Answer, example
from trading_airflow.web.models.runs import Alert


class StrategySummary(Answer):
    """A strategy of the file, when it runs next, and whether its DAG is on."""

    model_config = example(
        {
            "strategy_id": "daily_trading",
            "dag_id": "daily_trading",
            "title": None,
            "mode": "paper",
            "symbols": 5,
            "account": "main",
            "paused": False,
            "next_run_at": "2026-01-05T14:30:00Z",
            "session_date": "2026-01-05",
            "session_opens": "2026-01-05T14:30:00Z",
            "session_closes": "2026-01-05T21:00:00Z",
            "may_run": True,
        }
    )

    strategy_id: str
    dag_id: str
    title: str | None
    mode: Mode
    symbols: int
    account: str | None
    paused: bool | None = Field(description="null: Airflow has not read the DAG")
    next_run_at: datetime | None = Field(description="null: only by hand")
    session_date: date = Field(description="the session of the next run, or the current one")
    session_opens: datetime
    session_closes: datetime
    may_run: bool = Field(description="whether you may trigger it")


class StrategyList(Answer):
    strategies: list[StrategySummary]


class CheckFinding(Answer):
    model_config = example({"subject": "ledger", "name": "version", "value": "0001", "next_step": None})

    subject: str
    name: str
    value: str
    next_step: str | None = Field(description="what a person has to do, when it would stop the next run")


class CheckReport(Answer):
    """What the next run needs: what is, and what would stop it."""

    checked_at: datetime
    ready: bool = Field(description="nothing would stop the next run")
    findings: list[CheckFinding]


class AlertList(Answer):
    alerts: list[Alert]
    total: int = Field(description="how many fit, on this page or not")
    limit: int
    offset: int
    may_act: bool = Field(description="whether you may acknowledge and close alerts of some strategy")


class HistoryPoint(Answer):
    """One session of a strategy. USD."""

    model_config = example(
        {
            "strategy_id": "daily_trading",
            "account": "main",
            "mode": "paper",
            "session_date": "2026-01-05",
            "capital": "100000.00",
            "gross": "98000.50",
            "net": "-120.10",
            "turnover": "98000.50",
        }
    )

    strategy_id: str
    account: str
    mode: Mode
    session_date: date
    capital: Decimal | None
    gross: Decimal = Field(description="longs and shorts together after the session's newest run")
    net: Decimal = Field(description="longs less shorts")
    turnover: Decimal = Field(description="what the session's orders filled")


class History(Answer):
    points: list[HistoryPoint]


Health = Literal["healthy", "degraded", "unhealthy"]


class Component(Answer):
    name: str = Field(description="ledger, or the kind of service and its connection")
    status: Health
    detail: str | None = Field(description="only for users who may read the strategies")


class AccountHealth(Answer):
    account: str
    state: str
    gateway_paused_until: datetime | None
    open_breaks: int
    unresolved_orders: int


class LastRun(Answer):
    run_id: UUID
    strategy_id: str
    session_date: date
    status: str
    started_at: datetime


class HealthReport(Answer):
    """unhealthy: the next run could not trade. degraded: it could, and something needs a person."""

    model_config = example(
        {
            "status": "degraded",
            "checked_at": "2026-01-05T14:00:00Z",
            "components": [
                {"name": "ledger", "status": "healthy", "detail": None},
                {
                    "name": "venue execution_gateway",
                    "status": "healthy",
                    "detail": "execution_gateway 2.4.1, paper",
                },
            ],
            "accounts": [
                {
                    "account": "main",
                    "state": "halted",
                    "gateway_paused_until": None,
                    "open_breaks": 0,
                    "unresolved_orders": 0,
                }
            ],
            "last_run": None,
            "watchdog_age_seconds": 42.0,
        }
    )

    status: Health
    checked_at: datetime
    components: list[Component]
    accounts: list[AccountHealth] = Field(description="only for users who may read the strategies")
    last_run: LastRun | None
    watchdog_age_seconds: float | None = Field(description="since the watchdog's last good run; null: none yet")
