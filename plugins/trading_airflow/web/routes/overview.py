"""What the overview shows besides runs and accounts: strategies, what `check` says, alerts, history, health."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from include.execution.duty import account as operations
from include.execution.preflight import blockers, check
from include.execution.preflight.finding import Finding, about
from include.ledger.alerts import Alert as LedgerAlert
from include.ledger.ledger import Ledger
from include.ledger.pages import AlertFilter, Pages
from include.trading.calendar.next_run import next_run
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, TradingError, Unavailable
from include.trading.strategy.file import StrategyFile
from include.trading.strategy.schedule_spec import clock_of
from include.trading.strategy.spec import Strategy
from trading_airflow.connections import assembly
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
from trading_airflow.web.models.runs import Alert, AlertBody
from trading_airflow.web.place import LedgerOfRequest, readable_dags
from trading_airflow.web.probes import Probes
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.settings import WebSettings
from trading_airflow.web.webauth import Anybody, Right, User, allowed, audit, may

router = APIRouter(tags=["overview"])
MOST_ALERTS = 200
AlertId = Annotated[int, Path(ge=1, le=2**63 - 1, description="from `GET /alerts`")]
CHANGED = responses(401, 403, 404, 409, 422, 503)
MOST_DAYS = 1000
# Every service may take its whole time-out, several times.
CHECK_SECONDS = 45.0

_probes = Probes(threads=2)


class HistoryQuery(BaseModel):
    """What to list. An unknown filter is an error, so that a typing mistake does not list everything."""

    model_config = ConfigDict(extra="forbid")

    days: int = Field(default=180, ge=1, le=MOST_DAYS)
    strategy_id: str | None = Field(default=None, max_length=100, pattern=r"^[^\x00]+$")
    only_unclosed: bool = Field(
        default=False, description="without the books that have a closed day: `GET /money` has their figures"
    )


@router.get(
    "/health",
    response_model=HealthReport,
    summary="Health",
    responses={503: {"model": HealthReport, "description": "unhealthy"}, **responses(401, 403)},
)
def read_health(user: Anybody, response: Response) -> HealthReport:
    """Say how ledger, services and accounts are: `unhealthy`, answered with 503, when the next run could not trade.

    Waits for all services together, so that one that hangs does not make this hang. Words, accounts and runs are
    shown only to users who may read a strategy's runs.
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
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> AlertList:
    """List alerts, open ones first, then the newest."""
    readable = readable_dags(user, ledger)
    wanted = AlertFilter(
        dag_ids=readable,
        # A run that was refused is known by its DAG alone.
        strategy_ids=[strategy.id for strategy in place.strategies_if_any() if strategy.dag_id in readable] + readable,
        accounts=[name for name, found in place.accounts(ledger).items() if set(readable) & set(found.dag_ids)],
        only_open=only_open,
    )
    pages = Pages(ledger.connection)
    return AlertList(
        alerts=[Alert.model_validate(row) for row in pages.alerts(wanted, limit=limit, offset=offset)],
        total=pages.count_alerts(wanted),
        limit=limit,
        offset=offset,
        may_act=bool(allowed(user, Right.RUN, readable)),
    )


@router.post("/alerts/{alert_id}/acknowledge", response_model=Alert, summary="Acknowledge", responses=CHANGED)
def acknowledge_alert(user: User, ledger: LedgerOfRequest, alert_id: AlertId, body: AlertBody) -> Alert:
    """Say that you look after an open alert; it stays open until its cause is over, or it is closed."""
    return _act(user, ledger, alert_id, operations.acknowledge_alert, "trading_alert_acknowledge", body.reason)


@router.post("/alerts/{alert_id}/close", response_model=Alert, summary="Close an alert", responses=CHANGED)
def close_alert(user: User, ledger: LedgerOfRequest, alert_id: AlertId, body: AlertBody) -> Alert:
    """End an open alert by your word. Refused while its cause lasts by the ledger itself, such as an open break."""
    return _act(user, ledger, alert_id, operations.close_alert, "trading_alert_close", body.reason)


def _act(user: User, ledger: Ledger, alert_id: int, act: Callable[..., LedgerAlert], event: str, reason: str) -> Alert:
    """Do to the alert what a user may do who may trigger runs of a DAG that it concerns."""
    concerned = _dags_of(user, ledger, alert_id)
    if not allowed(user, Right.RUN, concerned):
        raise Problem(
            403, "Forbidden", f"{user.get_name()} may not trigger runs of any DAG that alert {alert_id} concerns"
        )
    try:
        done = act(ledger, alert_id, actor=user.get_name(), reason=reason)
    except InvalidData as error:
        raise Problem(409, "The alert stays as it is", str(error)) from error
    audit(user, event, dag_id=concerned[0], alert=alert_id, reason=reason)
    return Alert.model_validate(asdict(done))


def _dags_of(user: User, ledger: Ledger, alert_id: int) -> list[str]:
    """Return the readable DAGs that an alert concerns: its run's, its strategy's, its account's, else all."""
    readable = readable_dags(user, ledger)
    alert = ledger.alerts.get(alert_id)
    if alert is None:
        raise Problem(404, "Not found", f"no alert {alert_id}: GET /alerts lists those there are")
    run = None if alert.run_id is None else ledger.runs.get(alert.run_id)
    named = {run.dag_id} if run is not None else set()
    named |= {found.dag_id for found in place.strategies_if_any() if found.id == alert.strategy_id}
    named |= {dag_id for dag_id in readable if dag_id == alert.strategy_id}
    account = place.accounts(ledger).get(alert.account or "")
    named |= set(account.dag_ids) if account is not None and not named else set()
    concerned = [dag_id for dag_id in readable if dag_id in named] if named else readable
    if not concerned:
        raise Problem(404, "Not found", f"no alert {alert_id}: GET /alerts lists those there are")
    return concerned


@router.get(
    "/history", response_model=History, summary="Exposure and turnover", responses=responses(401, 403, 422, 503)
)
def read_history(user: User, ledger: LedgerOfRequest, query: Annotated[HistoryQuery, Query()]) -> History:
    """Return exposure and turnover of each strategy, a point a session, oldest first."""
    rows = Pages(ledger.connection).history(
        dag_ids=readable_dags(user, ledger),
        since=datetime.now(UTC).date() - timedelta(days=query.days),
        strategy_id=query.strategy_id,
        only_unclosed=query.only_unclosed,
    )
    return History(points=[HistoryPoint.model_validate(row) for row in rows])


def _strategy(user: User, strategy: Strategy, now: datetime) -> StrategySummary:
    calendar = calendar_of(strategy, now)
    due = next_run(clock_of(strategy.schedule), calendar, now)
    session = calendar.current(due or now)
    try:
        account = assembly().venue(strategy.venue).account
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


def _schedule(strategy: Strategy) -> list[Finding]:
    """Return what Airflow says of a strategy's DAG, which the commands without Airflow cannot know."""
    note, paused = about(f"strategy {strategy.id}"), dagruns.paused(strategy.dag_id)
    if paused is None:
        return [note("DAG", f"Airflow has not read {strategy.dag_id}", "look at Airflow's import errors")]
    if paused and strategy.schedule is not None:
        return [note("DAG", f"{strategy.dag_id} is paused: its schedule starts no run", "unpause it to trade")]
    return [note("DAG", f"{strategy.dag_id} is {'paused, and runs by hand only' if paused else 'on'}")]


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
        findings = check(ledger, strategies, assembly(), now)
    if isinstance(strategies, StrategyFile):
        findings += [found for strategy in strategies.strategies for found in _schedule(strategy)]
    return CheckReport(
        checked_at=now,
        ready=not blockers(findings),
        findings=[CheckFinding.model_validate(finding) for finding in findings],
    )
