"""Open a run: who it is, what it is about, how far it may go. Written once; every later step reads it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from include.ledger.ledger import Ledger
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, NotFound
from include.trading.models import Mode, Signal
from include.trading.order.identity import SENDING_MODES, run_id
from include.trading.order.states import FINAL
from include.trading.plan.ending import AT_SEND_UNTIL
from include.trading.plan.record import PlanRecord
from include.trading.run.row import Run
from include.trading.run.terms import RunTerms, RunType, settle_terms
from include.trading.strategy.kept import strategy_kept
from include.trading.strategy.narrowing import at_most, narrowed, replayed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.spec import Strategy
from include.trading.text import clean_json


@dataclass(frozen=True)
class RunIdentity:
    """One Airflow DAG run. started_at: when it was scheduled for, or triggered by hand."""

    dag_id: str
    airflow_run_id: str
    run_type: RunType
    logical_date: datetime | None
    started_at: datetime

    @property
    def run_id(self) -> UUID:
        return run_id(self.dag_id, self.airflow_run_id, is_backfill=self.run_type == "backfill")


def open_run(
    ledger: Ledger,
    identity: RunIdentity,
    strategy: Strategy,
    request: RunRequest,
    *,
    account: str | None,
    code_version: str,
    signal_event: dict[str, Any] | None = None,
) -> Run:
    """Return the run's row, written now unless it is there: then what it froze at first holds.

    A backfill's row is written again each time: it cannot trade, and one repeated with other params is meant to show
    what those would have done.
    account: of the gateway's connection; None when there is no such connection, which only a run that sends needs.
    signal_event: the extra of the asset event that started the run.
    Raises InvalidData for a request the strategy does not allow or a session that is none; nothing is written then.
    """
    backfill = identity.run_type == "backfill"
    if not backfill and ledger.runs.get(identity.run_id) is not None:
        ledger.runs.reopen(identity.run_id)
        return read_run(ledger, identity.run_id)
    now = ledger.now()
    narrow = narrowed(strategy, request)
    terms = settle_terms(
        narrow,
        request,
        calendar_of(strategy, now),
        run_type=identity.run_type,
        logical_date=identity.logical_date,
        started_at=identity.started_at,
        now=now,
    )
    if terms.mode == "replay":
        narrow = replayed(narrow, request)
    if terms.mode in SENDING_MODES:
        if account is None:
            raise NotFound(
                f"connection {strategy.venue!r} does not exist: a {terms.mode} run sends its orders "
                f"there; add it under Admin > Connections or set AIRFLOW_CONN_{strategy.venue.upper()}"
            )
        _check_environment(ledger, account, strategy.venue, terms.mode)
        ledger.accounts.ensure(account)
    account = account or strategy.venue
    with ledger.transaction():
        if backfill:
            ledger.runs.remove_replay(identity.run_id)
        ledger.runs.open(
            run_id=identity.run_id,
            strategy_id=strategy.id,
            as_of_date=terms.as_of_date,
            symbols=[symbol for symbol in strategy.symbols if request.symbols is None or symbol in request.symbols],
            capital=narrow.capital_or_none,
            started_at=now,
            dag_id=identity.dag_id,
            airflow_run_id=identity.airflow_run_id,
            run_type=identity.run_type,
            scheduled_at=identity.started_at,
            account=account,
            mode=terms.mode,
            mode_reason=terms.mode_reason,
            session_date=terms.session,
            revision=_revision(ledger, strategy, request, terms, account, now, run_type=identity.run_type),
            parameters={
                **parameters(narrow, request, terms, own_mode=strategy.mode),
                **({} if signal_event is None else {"signal_event": clean_json(signal_event)}),
            },
            code_version=code_version,
            window_opens=terms.window_opens,
            send_until=terms.send_until,
            cutoff_at=terms.cutoff_at,
        )
    return read_run(ledger, identity.run_id)


def _check_environment(ledger: Ledger, account: str, connection_id: str, mode: Mode) -> None:
    """Raise InvalidData for a paper run on a live account and the other way round: each has a book of its own."""
    row = ledger.accounts.get(account)
    if row is None or row.environment is None or mode not in ("paper", "live") or mode == row.environment:
        return
    same_place = [
        other.account
        for other in ledger.accounts.all()
        if other.environment == mode and other.gateway_address == row.gateway_address
    ]
    name = next(iter(same_place), f"{account.removesuffix(f'-{row.environment}')}-{mode}")
    raise InvalidData(
        f"account {account} is a {row.environment} account since its first run, this run is {mode}: expected an "
        f"account of its own for it; write {name} as the account in the extra of the connection {connection_id}"
    )


def read_run(ledger: Ledger, id: UUID) -> Run:
    """Return the run's row; raises InvalidData when there is none."""
    run = ledger.runs.get(id)
    if run is None:
        raise InvalidData(f"run {id} is not in the ledger: it is written by fetch_signals, clear that task first")
    return run


# What people call a strategy and when it runs make no other plan.
_NO_PART_OF_A_PLAN = {"title", "owner", "tags", "schedule"}
# Kept with a run, and no reason to refuse a plan that was made without them.
_DECIDE_NOTHING = {"shadow", "corporate_actions", "results"}


def parameters(strategy: Strategy, request: RunRequest, terms: RunTerms, *, own_mode: Mode) -> dict[str, Any]:
    """Return what a plan is made from besides signals, prices and the book, and the person's reason for the run.

    Two runs share a plan if `made_from` of this is equal. A plan keeps the `money` that it was made with as well, and
    what becomes of its open orders.
    own_mode: the strategy's before the request narrowed it. A run that never sends plans from that mode's book.
    """
    pending = {name: str(amount) for name, amount in at_most(strategy, request).items()}
    return {
        **({} if terms.mode in SENDING_MODES else {"book_mode": own_mode}),
        **({"at_most": pending} if pending else {}),
        "strategy": strategy.model_dump(mode="json", exclude=_NO_PART_OF_A_PLAN),
        "as_of_date": terms.as_of_date.isoformat(),
        "flatten": request.flatten,
        "only_symbols": None if request.symbols is None else sorted(request.symbols),
        "reason": request.reason,
    }


# universe, signal_event: what signals came, and from where; a plan that exists is not made again for other ones.
_DECIDES_NOTHING = {"reason", "money", "notes", "inputs", "universe", "signal_event", AT_SEND_UNTIL}


def made_from(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a plan, of the parameters that a run or a plan keeps.

    The strategy is read again, so that one that an earlier version kept has today's settings, at their defaults.
    """
    strategy = strategy_kept(parameters)
    decides = {name: value for name, value in parameters.items() if name not in _DECIDES_NOTHING}
    return {**decides, "strategy": strategy.model_dump(mode="json", exclude=_NO_PART_OF_A_PLAN | _DECIDE_NOTHING)}


def reason_of(run: Run) -> str | None:
    """Return why a person started the run, where they said so."""
    reason: str | None = run.parameters.get("reason")
    return reason


def strategy_of(run: Run) -> Strategy:
    """Return the strategy as the run froze it: a file edited since then does not change a run under way."""
    strategy = strategy_kept(run.parameters)
    universe = run.parameters.get("universe")
    return strategy if universe is None else strategy.model_copy(update={"symbols": tuple(universe)})


def with_universe(run: Run, signals: Iterable[Signal]) -> Run:
    """Return the run with what its answer names as the symbols of a strategy that has none of its own."""
    if strategy_kept(run.parameters).symbols:
        return run
    universe = sorted({signal.symbol for signal in signals})
    return replace(run, parameters={**run.parameters, "universe": universe})


def sends(run: Run) -> bool:
    return run.mode in SENDING_MODES


def _revision(
    ledger: Ledger,
    strategy: Strategy,
    request: RunRequest,
    terms: RunTerms,
    account: str,
    now: datetime,
    *,
    run_type: RunType,
) -> int:
    """Return the revision a new run works on: the one asked for, else the newest there is.

    Only the sandbox's strategy opens the next by itself, when the newest is finished or dead; an event never does.
    """
    newest = ledger.plans.latest(mode=terms.mode, account=account, strategy_id=strategy.id, session=terms.session)
    asked = request.revision
    if newest is None:
        if asked not in (None, 1) and terms.mode in SENDING_MODES:
            raise InvalidData(f"revision: session {terms.session} has no plan yet, expected 1; got {asked}")
        return asked or 1
    if asked is not None:
        if not newest.revision <= asked <= newest.revision + 1:
            raise InvalidData(
                f"revision: session {terms.session} is at revision {newest.revision}; expected {newest.revision} "
                f"to carry it on or {newest.revision + 1} to trade the session again; got {asked}"
            )
        return asked
    if not strategy.market_hours and run_type != "asset_triggered" and _over(ledger, newest, now):
        return newest.revision + 1
    return newest.revision


def _over(ledger: Ledger, plan: PlanRecord, now: datetime) -> bool:
    states = [intent.state for intent in ledger.orders.of_plan(plan.plan_id)]
    return plan.state == "closed" or now >= plan.send_until or all(state in FINAL for state in states)
