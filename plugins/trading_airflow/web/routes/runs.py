"""Runs: start one, list them, read one. The paths of ADR-0006, section 6."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from airflow.models.base import ID_LEN
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from include.ledger.ledger import Ledger
from include.ledger.page_orders import PageOrders
from include.ledger.pages import Pages, RunFilter
from include.trading.calendar.sessions import calendar_of
from include.trading.order.identity import run_id as id_of_run
from include.trading.run.row import Run
from include.trading.run.terms import settle_terms
from include.trading.strategy.narrowing import narrowed, replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy
from include.trading.strategy.values import IsoDate
from trading_airflow.web import dagruns
from trading_airflow.web.models.runs import (
    OrchestrationResult,
    Planned,
    PreviousPlan,
    Refusal,
    RunAccepted,
    RunBody,
    RunList,
    Sizings,
)
from trading_airflow.web.place import LedgerOfRequest, open_ledger, read_strategies, readable_dags
from trading_airflow.web.problems import Problem, responses
from trading_airflow.web.results import base_path, links, result_of, run_summary, shadows_of
from trading_airflow.web.webauth import Right, User, allowed, audit

router = APIRouter(tags=["runs"])
MOST_RUNS = 200
POLL_SECONDS = 0.5
NO_NUL = r"^[^\x00]+$"
NAME = Query(max_length=ID_LEN, pattern=NO_NUL)


class RunQuery(BaseModel):
    """What to list. An unknown filter is an error, so that a typing mistake does not list everything."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=MOST_RUNS)
    offset: int = Field(default=0, ge=0, le=1_000_000)
    status: Literal["running", "completed", "failed", "partial"] | None = None
    strategy_id: str | None = Field(default=None, max_length=100, pattern=NO_NUL)
    session_from: IsoDate | None = Field(default=None, description="the first session, YYYY-MM-DD")
    session_to: IsoDate | None = Field(default=None, description="the last session, YYYY-MM-DD")
    dag_id: str | None = Field(default=None, max_length=ID_LEN, pattern=NO_NUL)
    airflow_run_id: str | None = Field(
        default=None, max_length=ID_LEN, pattern=NO_NUL, description="a backfill that reprocesses a run is another row"
    )
    kind: Literal["trading", "replay"] | None = Field(
        default=None, description="replay: runs of backfills and others that only look back; trading: all others"
    )


@router.post(
    "/run",
    status_code=202,
    response_model=RunAccepted,
    summary="Start a run",
    responses={
        200: {"model": OrchestrationResult, "description": "With `wait`: the run ended in time"},
        **responses(401, 403, 409, 422, 503),
    },
)
async def start_run(
    request: Request,
    response: Response,
    user: User,
    body: RunBody,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=1, max_length=255, pattern=r"^[!-~]+$", description="repeating it returns the same run"),
    ] = None,
) -> Any:
    """Start a run as Airflow starts one by hand; it may only narrow what its strategy allows.

    Answers 202 at once: the run_id is known before the run begins. With `wait` answers 200 with the result, or 202
    when it has not ended in `wait_seconds`, or has ended without a trace in the ledger.
    """
    base = base_path(request)
    accepted = await run_in_threadpool(_start, user, body, idempotency_key, base)
    if body.wait:
        accepted = await _wait(accepted, body.wait_seconds)
        if accepted.state in ("success", "failed"):
            result = await run_in_threadpool(_result, accepted.run_id, base)
            if result is not None:
                return JSONResponse(result.model_dump(mode="json"), headers={"Location": accepted.links.run})
    response.headers["Location"] = accepted.links.run
    return accepted


@router.get(
    "/runs",
    response_model=RunList,
    summary="List runs",
    responses=responses(401, 403, 422, 503),
)
def list_runs(request: Request, user: User, ledger: LedgerOfRequest, query: Annotated[RunQuery, Query()]) -> RunList:
    """List the runs that fit, newest first. `total` counts all of them."""
    if query.session_from and query.session_to and query.session_from > query.session_to:
        raise Problem(
            422,
            "The request does not fit",
            f"session_from: expected a day not after session_to {query.session_to}, got {query.session_from}",
        )
    filters = query.model_dump(exclude={"limit", "offset"})
    wanted = RunFilter(dag_ids=readable_dags(user, ledger), **filters)
    pages = Pages(ledger.connection)
    rows = pages.runs(wanted, limit=query.limit, offset=query.offset)
    return RunList(
        runs=[run_summary(base_path(request), row) for row in rows],
        total=pages.count_runs(wanted),
        limit=query.limit,
        offset=query.offset,
    )


@router.get("/refusal", response_model=Refusal, summary="Read a refusal", responses=responses(401, 403, 422, 503))
def read_refusal(
    user: User, ledger: LedgerOfRequest, dag_id: Annotated[str, NAME], airflow_run_id: Annotated[str, NAME]
) -> Refusal:
    """Say why a DAG run's request was refused before it became a run: its first task then wrote no row."""
    run_id = id_of_run(dag_id, airflow_run_id, is_backfill=False)
    if dag_id not in readable_dags(user, ledger) or ledger.runs.get(run_id) is not None:
        return Refusal(words=None)
    return Refusal(words=ledger.steps.last_error(run_id))


@router.get(
    "/runs/{run_id}",
    response_model=OrchestrationResult,
    summary="Read a run",
    responses=responses(401, 403, 404, 422, 503),
)
def read_run(request: Request, user: User, ledger: LedgerOfRequest, run_id: UUID) -> OrchestrationResult:
    """Return the whole OrchestrationResult: run, mappings, orders with their events, alerts."""
    return result_of(ledger, base_path(request), _readable(user, ledger, run_id))


@router.get(
    "/runs/{run_id}/previous",
    response_model=PreviousPlan,
    summary="The plan before",
    responses=responses(401, 403, 404, 422, 503),
)
def read_previous(request: Request, user: User, ledger: LedgerOfRequest, run_id: UUID) -> PreviousPlan:
    """Return what the strategy's newest run of an earlier session wanted of every symbol, to compare a plan with."""
    found = PageOrders(ledger.connection).forerunner(_readable(user, ledger, run_id))
    if found is None:
        return PreviousPlan(run_id=None, session_date=None, links=None, symbols=[])
    return PreviousPlan(
        run_id=found["run_id"],
        session_date=found["session_date"],
        links=links(base_path(request), found["run_id"], found["dag_id"], found["airflow_run_id"]),
        symbols=_planned(ledger, found["run_id"]),
    )


@router.get(
    "/runs/{run_id}/sizings",
    response_model=Sizings,
    summary="Sizings compared",
    responses=responses(401, 403, 404, 422, 503),
)
def read_sizings(user: User, ledger: LedgerOfRequest, run_id: UUID) -> Sizings:
    """Return what the strategy's other sizings would hold after the run, beside what the run wanted of every symbol."""
    run = _readable(user, ledger, run_id)
    shadows = shadows_of(ledger, run)
    return Sizings(symbols=_planned(ledger, run_id) if shadows else [], shadows=shadows)


def _planned(ledger: Ledger, run_id: UUID) -> list[Planned]:
    return [Planned.model_validate(row) for row in ledger.runs.mappings(run_id) if row["leg"] == 1]


def _readable(user: User, ledger: Ledger, run_id: UUID) -> Run:
    readable = readable_dags(user, ledger)
    run = ledger.runs.get(run_id)
    # A user who may not read a run must not learn whether it exists.
    if run is None or run.dag_id not in readable:
        raise Problem(404, "Not found", f"no run {run_id}: GET /runs lists those there are")
    return run


def _start(user: User, body: RunBody, idempotency_key: str | None, base: str) -> RunAccepted:
    strategy = _strategy(user, body.strategy_id)
    now = datetime.now(UTC)
    run_request = RunRequest.model_validate({name: getattr(body, name) for name in RunRequest.model_fields})
    airflow_run_id = dagruns.new_run_id(strategy.dag_id, idempotency_key, now)
    if dagruns.find(strategy.dag_id, airflow_run_id) is None:
        _check(strategy, run_request, now)
    started = dagruns.start(strategy.dag_id, airflow_run_id, _conf(run_request), user.get_name())
    run_id = id_of_run(strategy.dag_id, airflow_run_id, is_backfill=False)
    audit(user, "trading_run", dag_id=strategy.dag_id, run_id=airflow_run_id, conf=started.conf)
    return RunAccepted(
        run_id=run_id,
        strategy_id=strategy.id,
        dag_id=strategy.dag_id,
        airflow_run_id=airflow_run_id,
        state=started.state,
        links=links(base, run_id, strategy.dag_id, airflow_run_id),
    )


def _strategy(user: User, wanted: str | None) -> Strategy:
    """Return the strategy to run, among those that the user may run."""
    strategies = {strategy.id: strategy for strategy in read_strategies().strategies}
    runnable = allowed(user, Right.RUN, [strategy.dag_id for strategy in strategies.values()])
    if not runnable:
        raise Problem(403, "Forbidden", f"{user.get_name()} may not trigger runs of any strategy's DAG")
    if wanted is None:
        wanted = next(iter(strategies)) if len(strategies) == 1 else "daily_trading"
    if wanted not in strategies:
        known = ", ".join(id for id, strategy in strategies.items() if strategy.dag_id in runnable)
        raise Problem(422, "The request does not fit", f"strategy_id: expected one of {known}, got {wanted!r}")
    if strategies[wanted].dag_id not in runnable:
        raise Problem(
            403, "Forbidden", f"{user.get_name()} may not trigger runs of the DAG {strategies[wanted].dag_id}"
        )
    return strategies[wanted]


def _check(strategy: Strategy, run_request: RunRequest, now: datetime) -> None:
    """Refuse now what the run's first task would refuse."""
    narrow = narrowed(strategy, run_request)
    terms = settle_terms(
        narrow,
        run_request,
        calendar_of(strategy, now),
        run_type="manual",
        logical_date=None,
        started_at=now,
        now=now,
    )
    if terms.mode == "replay":
        replayed(narrow, run_request)


def _conf(run_request: RunRequest) -> dict[str, Any]:
    """Return the DAG run's conf: what was asked for, in JSON's types."""
    return {name: _plain(value) for name, value in run_request if value != RunRequest.model_fields[name].default}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


async def _wait(accepted: RunAccepted, seconds: float) -> RunAccepted:
    """Return the run as it is when it has ended, or when the time is over."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    while accepted.state not in ("success", "failed") and clock() < deadline:
        await asyncio.sleep(min(POLL_SECONDS, max(0.0, deadline - clock())))
        found = await run_in_threadpool(dagruns.find, accepted.dag_id, accepted.airflow_run_id)
        if found is None:
            break
        accepted = accepted.model_copy(update={"state": found.state})
    return accepted


def _result(run_id: UUID, base: str) -> OrchestrationResult | None:
    with open_ledger() as ledger:
        run = ledger.runs.get(run_id)
        return None if run is None else result_of(ledger, base, run)
