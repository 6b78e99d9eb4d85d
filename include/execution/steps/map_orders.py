"""The second step: from signals to a frozen plan, or to the plan that the session already has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from include.execution.desk import Desk
from include.execution.orders.resolve import look_again_at, to_look_up_again
from include.execution.results.actions import Watched, watch_actions
from include.execution.steps.changed_signals import compare
from include.execution.steps.freeze import freeze, revision_before
from include.execution.steps.history import history_for
from include.execution.steps.open_run import made_from, sends, strategy_of, with_universe
from include.execution.steps.plan_inputs import Facts, inputs_of, own_book, sized_for
from include.execution.steps.plan_store import store_plan
from include.execution.steps.shadows import note_lost_shadows, store_shadows
from include.execution.steps.snapshot import ask_outside, read_book, symbols_of
from include.execution.steps.track_fills import close_late_orders, refresh_orders
from include.trading.errors import InvalidData, Unavailable
from include.trading.models import Signal
from include.trading.order.identity import PlanKey
from include.trading.order.row import Intent
from include.trading.plan.capital import capital_kept
from include.trading.plan.packed import packed
from include.trading.plan.planning import make_plan
from include.trading.plan.record import PlanRecord
from include.trading.ports import PriceSource
from include.trading.run.row import Run


def map_orders(
    desk: Desk, market: PriceSource, run: Run, signals: Sequence[Signal], *, most_orders: int
) -> list[Intent]:
    """Freeze the run's plan and return its orders, reductions first; a plan that exists is read back, not made again.

    A run that never sends stores what it would do as mapping rows and returns nothing.
    most_orders: refuse a plan with more symbols before anything is frozen (Airflow's [core] max_map_length). A run that
    flattens is not refused: it closes the largest holdings and says how many are left.
    Raises InvalidData when the session's plan was made from other parameters, or the sending window is over.
    """
    if run.plan_id is not None:
        note_lost_shadows(desk, run)
        return desk.ledger.orders.of_plan(run.plan_id)
    run = with_universe(run, signals)
    if not sends(run):
        _plan(desk, market, run, signals)
        return []
    key = _plan_key(run)
    existing = desk.ledger.plans.get(key.plan_id)
    if existing is None:
        _check_window(desk, run)
        _bring_up_to_date(desk, key)
        existing = freeze(desk, market, run, signals, key, most_orders, _watch(desk, market, run))
    if existing is not None:
        _adopt(desk, run, existing)
    return desk.ledger.orders.of_plan(key.plan_id)


def _plan_key(run: Run) -> PlanKey:
    return PlanKey(
        mode=run.mode,
        account=run.account,
        strategy_id=run.strategy_id,
        session=run.session_date,
        revision=run.revision,
    )


def _check_window(desk: Desk, run: Run) -> None:
    now = desk.ledger.now()
    if now >= run.send_until:
        raise InvalidData(
            f"session {run.session_date} of strategy {run.strategy_id}: the sending window ended at "
            f"{run.send_until:%Y-%m-%d %H:%M} UTC and nothing was planned before; trigger a new run"
        )


def _bring_up_to_date(desk: Desk, key: PlanKey) -> None:
    """Resolve and refresh the account's earlier orders, so that the book is true when the plan is made.

    Raises Unavailable when an order that the revision before sent could not be asked for: it may be live.
    """
    close_late_orders(desk, key.account)
    refresh_orders(desk, desk.ledger.orders.live(key.account))
    ended = to_look_up_again(desk, key.account)
    failed = look_again_at(desk, ended)
    before = {intent.client_order_id for intent in ended if intent.plan_id == revision_before(key).plan_id}
    for id in failed.keys() & before:
        raise Unavailable(
            f"revision {key.revision} of session {key.session} waits until order {id} of the revision before, which "
            f"was sent, is looked up again: {failed[id]}"
        )


def _watch(desk: Desk, market: PriceSource, run: Run) -> Watched:
    """Look at corporate actions before anything is planned: what may be booked is booked first."""
    if run.mode not in ("paper", "live"):
        return Watched()
    strategy = strategy_of(run)
    symbols = symbols_of(run, read_book(desk, run))
    return watch_actions(desk, market, run.account, strategy, run.mode, symbols, run.session_date)


def _plan(desk: Desk, market: PriceSource, run: Run, signals: Sequence[Signal]) -> None:
    """Plan and store without a lock, for runs that never send."""
    closes = history_for(desk, market, run, signals)
    outside = ask_outside(desk, market, run)
    facts = Facts(signals, outside, read_book(desk, run), closes)
    sizing = sized_for(run, outside, own_book(desk, run, outside))
    inputs = inputs_of(desk, run, facts, sizing, ids_from_content=False)
    store_plan(desk, run, make_plan(inputs), packed(inputs), key=None, capital=sizing.strategy.capital_or_none)
    store_shadows(desk, run, inputs, closes.shadows_lack)


def _adopt(desk: Desk, run: Run, plan: PlanRecord) -> None:
    """Take over the plan that the session has; refuse when it was made from other parameters."""
    planned, wanted = made_from(plan.parameters), made_from(run.parameters)
    if planned != wanted:
        changed = ", ".join(_changed(planned, wanted))
        raise InvalidData(
            f"session {run.session_date} of strategy {run.strategy_id} already has a plan (revision {plan.revision}), "
            f"made with other parameters ({changed}); it is not changed. To trade the session again on purpose, "
            f"trigger with revision {plan.revision + 1}"
        )
    own = plan.created_by_run == run.run_id
    with desk.ledger.transaction():
        if not own:
            desk.ledger.runs.copy_mappings(plan.created_by_run, run.run_id)
        capital = capital_kept(plan.parameters)
        desk.ledger.runs.record_mapped(run.run_id, plan_id=plan.plan_id, capital=capital, adopted=not own)
        if not own:
            compare(desk, run, plan.plan_id, (desk.ledger.runs.origin(run.run_id) or {}).get("sha256"))


def _changed(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            names += _changed(before, after, f"{name}.")
        elif before != after:
            names.append(prefix + name)
    return names
