"""What the overview shows besides runs and accounts: strategies, what `check` says, alerts, history, health."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from include.execution.checks import blockers, check
from include.ledger.ledger import Ledger
from include.ledger.pages import Pages
from include.trading.errors import InvalidData, TradingError, Unavailable
from include.trading.next_run import next_run
from include.trading.sessions import trading_calendar
from include.trading.strategies_file import StrategyFile
from include.trading.strategy import Strategy
from trading_airflow.web import dagruns, health, place
from trading_airflow.web.models.overview import (
    AlertList,
    CheckFinding,
    CheckReport,
    HealthReport,
    History,
    HistoryPoint,
    StrategyList,
    StrategySummary,
)
from trading_airflow.web.models.runs import Alert
from trading_airflow.web.place import LedgerOfRequest, readable_dags
from trading_airflow.web.probes import Probes
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.settings import WebSettings
from trading_airflow.web.webauth import Anybody, Right, User, allowed, may

router = APIRouter(tags=["overview"])
MOST_ALERTS = 200
MOST_DAYS = 1000
# Every service may take its whole time-out, several times.
CHECK_SECONDS = 45.0

_probes = Probes(threads=2)


@router.get(
    "/health",
    response_model=HealthReport,
    summary="Health",
    responses={503: {"model": HealthReport, "description": "unhealthy"}, **responses(401, 403)},
)
def read_health(user: Anybody, response: Response) -> HealthReport:
    """Say how ledger, services and accounts are: `unhealthy`, answered with 503, when the next run could not trade.

    Waits for all services together, so that one that hangs does not make this hang. Words, accounts and runs are
    told to those who may read a strategy's runs only.
    """
    settings = WebSettings(os.environ)
    known = [strategy.dag_id for strategy in place.strategies_if_any()]
    reader = user is not None and bool(allowed(user, Right.READ, known))
    if not reader and "health" not in settings.open_pages:
        raise Problem(401 if user is None else 403, "Health is not open", "log in, or set TRADING_WEB_OPEN=health")
    found = health.report(seconds=settings.health_seconds, with_details=reader)
    response.status_code = 503 if found.status == "unhealthy" else 200
    return found


@router.get("/strategies", response_model=StrategyList, summary="List strategies", responses=responses(401, 403, 503))
def list_strategies(user: User) -> StrategyList:
    """List the strategies you may read, with their next run."""
    now = datetime.now(UTC)
    strategies = place.read_strategies().strategies
    found = [strategy for strategy in strategies if may(user, Right.READ, strategy.dag_id)]
    if strategies and not found:
        raise Problem(403, "Forbidden", f"{user.get_name()} may not read the runs of any strategy's DAG")
    return StrategyList(strategies=[_strategy(user, strategy, now) for strategy in found])


@router.get("/check", response_model=CheckReport, summary="Check", responses=responses(401, 403, 503, 504))
def read_check(user: User) -> CheckReport:
    """Look at everything the next run needs, as `python -m include.ops check` does, without writing anything."""
    if not allowed(user, Right.READ, [strategy.dag_id for strategy in place.read_strategies().strategies]):
        raise Problem(403, "Forbidden", f"{user.get_name()} may not read the runs of any strategy's DAG")
    done = _probes.ask({"check": _check}, seconds=CHECK_SECONDS)["check"]
    if not done.done():
        raise Problem(504, "Check takes too long", f"a service hangs: no result within {CHECK_SECONDS:g} s")
    found: CheckReport = done.result()
    return found


@router.get("/alerts", response_model=AlertList, summary="List alerts", responses=responses(401, 403, 422, 503))
def list_alerts(
    user: User,
    ledger: LedgerOfRequest,
    only_open: bool = True,
    limit: Annotated[int, Query(ge=1, le=MOST_ALERTS)] = 50,
) -> AlertList:
    """List alerts, open ones first, then the newest."""
    readable = readable_dags(user, ledger)
    rows = Pages(ledger.connection).alerts(
        dag_ids=readable,
        strategy_ids=[strategy.id for strategy in place.strategies_if_any() if strategy.dag_id in readable],
        accounts=[name for name, found in place.accounts(ledger).items() if set(readable) & set(found.dag_ids)],
        only_open=only_open,
        limit=limit,
    )
    return AlertList(alerts=[Alert.model_validate(row) for row in rows])


@router.get(
    "/history", response_model=History, summary="Exposure and turnover", responses=responses(401, 403, 422, 503)
)
def read_history(user: User, ledger: LedgerOfRequest, days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 180) -> History:
    """Return exposure and turnover of each strategy, a point a session, oldest first."""
    since = datetime.now(UTC).date() - timedelta(days=days)
    rows = Pages(ledger.connection).history(dag_ids=readable_dags(user, ledger), since=since)
    return History(points=[HistoryPoint.model_validate(row) for row in rows])


def _strategy(user: User, strategy: Strategy, now: datetime) -> StrategySummary:
    calendar = trading_calendar(strategy.calendar, today=now.date())
    due = next_run(strategy.schedule, calendar, now)
    session = calendar.current(due or now)
    try:
        account = place.endpoint(strategy.gateway_connection, "execution_gateway").account
    except TradingError:
        account = None
    return StrategySummary(
        strategy_id=strategy.id,
        dag_id=strategy.dag_id,
        title=strategy.title,
        mode=strategy.mode,
        symbols=len(strategy.symbols),
        account=account,
        paused=dagruns.paused(strategy.dag_id),
        next_run_at=due,
        session_date=session.day,
        session_opens=session.open,
        session_closes=session.close,
        may_run=may(user, Right.RUN, strategy.dag_id),
    )


def _check() -> CheckReport:
    now = datetime.now(UTC)
    strategies: StrategyFile | TradingError
    try:
        strategies = place.read_strategies()
    except Problem as problem:
        strategies = InvalidData(problem.detail)
    with ExitStack() as opened:
        ledger: Ledger | TradingError
        try:
            ledger = opened.enter_context(place.open_ledger())
        except Problem as problem:
            ledger = Unavailable(problem.detail)
        findings = check(ledger, strategies, place.endpoint, place.settings(), now)
    return CheckReport(
        checked_at=now,
        ready=not blockers(findings),
        findings=[CheckFinding.model_validate(finding) for finding in findings],
    )
