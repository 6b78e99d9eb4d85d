"""Freezing a plan: made and stored whole, in one transaction under the account's lock, from one snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import structlog

from include.execution.desk import Desk, refresh_account
from include.execution.faultpoints import reach
from include.execution.results.actions import Watched
from include.execution.results.losses import stop_losses
from include.execution.results.now import BookNow
from include.execution.steps.history import Closes, history_for
from include.execution.steps.open_run import strategy_of
from include.execution.steps.plan_inputs import Facts, inputs_of, own_book, sized_for
from include.execution.steps.plan_store import store_plan
from include.execution.steps.positions import BOOK_TRIES
from include.execution.steps.shadows import store_shadows
from include.execution.steps.snapshot import BookMoved, Outside, ask_outside, blocks, read_book, symbols_of
from include.trading.errors import InvalidData
from include.trading.models import AccountFacts, Allowance, Signal
from include.trading.order.identity import PlanKey
from include.trading.order.states import UNRESOLVED
from include.trading.plan.capital import Sized, money_kept
from include.trading.plan.ending import AT_SEND_UNTIL, at_send_until
from include.trading.plan.exposure import reserved
from include.trading.plan.packed import packed
from include.trading.plan.plan import Plan, PlanInputs
from include.trading.plan.planning import make_plan
from include.trading.plan.record import PlanRecord
from include.trading.ports import PriceSource
from include.trading.run.pace import cannot_fit, orders_a_minute
from include.trading.run.row import Run

log = structlog.get_logger(__name__)


def freeze(
    desk: Desk,
    market: PriceSource,
    run: Run,
    signals: Sequence[Signal],
    key: PlanKey,
    most_orders: int,
    watched: Watched,
) -> PlanRecord | None:
    """Make the plan and store it whole; return the plan of a run that was faster, if any.

    What was booked while the outside was asked is in its answers and not in the book, or the other way round: then both
    are read again. Symbols that still move at the last try get no order.
    """
    closes = history_for(desk, market, run, signals)
    for tries_left in reversed(range(BOOK_TRIES)):
        outside = ask_outside(desk, market, run)
        reach("before_freeze")
        try:
            made = _freeze_under_lock(
                desk, run, signals, key, outside, closes, most_orders, watched, wait=tries_left > 0
            )
        except BookMoved:
            continue
        reach("after_freeze")
        if isinstance(made, PlanRecord):
            return made
        # Not under the lock: nothing waits for what is never traded.
        store_shadows(desk, run, made, closes.shadows_lack)
        return None
    raise AssertionError("the last try always plans")


def _freeze_under_lock(
    desk: Desk,
    run: Run,
    signals: Sequence[Signal],
    key: PlanKey,
    outside: Outside,
    closes: Closes,
    most_orders: int,
    watched: Watched,
    *,
    wait: bool,
) -> PlanRecord | PlanInputs:
    """Return what the plan was made from, or the plan of a run that was faster.

    wait: raise BookMoved when the book of a symbol to plan moved; otherwise such a symbol is skipped.
    """
    ledger, traits = desk.ledger, desk.gateway.traits
    with ledger.transaction():
        refresh_account(desk, run.account)
        reach("account_locked")
        existing = ledger.plans.get(key.plan_id)
        if existing is not None:
            return existing
        if key.revision > 1:
            _supersede(desk, key)
        book = read_book(desk, run, outside.version)
        if wait and book.moved & symbols_of(run, book):
            raise BookMoved
        blocked = {**blocks(desk, run, outside, book), **watched.blocked}
        now = own_book(desk, run, outside)
        sizing = sized_for(run, outside, now)
        if now is not None and _loses_too_much(desk, run, sizing, now):
            book = book.on("reduce_only")
        inputs = inputs_of(
            desk,
            run,
            Facts(signals, outside, book, closes, blocked, watched),
            sizing,
            ids_from_content=not traits.takes_our_order_id,
            promised=_promised(desk, run, outside, key),
            most_symbols=most_orders,
        )
        plan, kept = make_plan(inputs), packed(inputs)
        _check_tasks(plan, most_orders)
        allowance = desk.gateway.allowance()
        plan = _paced(desk, run, plan, allowance)
        per_minute = strategy_of(run).orders.per_minute
        ledger.plans.insert(
            key,
            contract=traits.kind,
            as_of_date=run.as_of_date,
            parameters={
                **run.parameters,
                **_kept(sizing, outside, plan),
                AT_SEND_UNTIL: at_send_until(strategy_of(run), can_cancel=traits.can_cancel),
                "inputs": kept.sha256,
            },
            window_opens=run.window_opens,
            send_until=run.send_until,
            cutoff_at=run.cutoff_at,
            orders_per_minute=orders_a_minute(per_minute, allowance) if traits.has_rate_limit else None,
            created_by_run=run.run_id,
            gateway=desk.bound.venue.record(),
        )
        store_plan(desk, run, plan, kept, key=key, capital=sizing.strategy.capital_or_none)
    return inputs


def _check_tasks(plan: Plan, most: int) -> None:
    tasks = len({order.symbol for order in plan.orders})
    if tasks > most:
        raise InvalidData(
            f"the plan has orders for {tasks} symbols, Airflow maps at most {most} tasks: raise "
            "[core] max_map_length (AIRFLOW__CORE__MAX_MAP_LENGTH) or narrow the symbols; nothing was frozen"
        )


def _paced(desk: Desk, run: Run, plan: Plan, allowance: Allowance | None) -> Plan:
    """Refuse a plan that the venue's limit of requests does not let through before the window ends.

    One that closes everything is never refused: it is returned with a note that says so.
    """
    if not (desk.gateway.traits.has_rate_limit and plan.orders):
        return plan
    problem = cannot_fit(
        orders=len(plan.orders),
        waiting=desk.ledger.orders.waiting(run.account),
        now=desk.ledger.now(),
        send_until=run.send_until,
        asked=strategy_of(run).orders.per_minute,
        allowance=allowance,
    )
    if problem is None:
        return plan
    if not run.parameters["flatten"]:
        raise InvalidData(f"session {run.session_date} of strategy {run.strategy_id}: {problem}; nothing was frozen")
    note = f"{problem}; closing begins all the same: flatten again with the next revision if some are not sent by then"
    log.warning("not all orders may be sent in time", reason=note)
    return plan.model_copy(update={"notes": (*plan.notes, note)})


def _loses_too_much(desk: Desk, run: Run, sizing: Sized, now: BookNow) -> bool:
    return stop_losses(
        desk.ledger,
        desk.ledger.accounts.lock(run.account),
        strategy_of(run),
        now.key,
        now.session,
        now.day,
        capital=sizing.strategy.capital_or_none,
        actor=desk.actor,
    )


def _promised(desk: Desk, run: Run, outside: Outside, key: PlanKey) -> Decimal:
    """Return what other plans' orders will take of the buying power that the venue told; the account is locked."""
    if not isinstance(outside.money, AccountFacts):
        return Decimal(0)
    told = desk.ledger.orders.increases_since(run.account, key.plan_id, outside.money_at)
    return sum((reserved(side, notional) for side, notional in told.items()), Decimal(0))


def _kept(sizing: Sized, outside: Outside, plan: Plan) -> dict[str, Any]:
    """Return what the plan's parameters keep of its making: with the money, where that was asked for, or as notes."""
    return money_kept(sizing, outside.money, plan.notes) or {"notes": list(plan.notes)}


def revision_before(key: PlanKey) -> PlanKey:
    return key.model_copy(update={"revision": key.revision - 1})


def _supersede(desk: Desk, key: PlanKey) -> None:
    """Close the revision before: none of its unsent orders is ever sent. Refused while one's outcome is unknown."""
    earlier = revision_before(key)
    desk.ledger.plans.lock(earlier.plan_id)
    intents = desk.ledger.orders.of_plan(earlier.plan_id)
    unresolved = [intent.client_order_id for intent in intents if intent.state in UNRESOLVED]
    if unresolved:
        raise InvalidData(
            f"revision {key.revision} of session {key.session} is refused while revision {earlier.revision} has "
            f"orders without a known outcome: {', '.join(unresolved)}; try again later or settle them"
        )
    for intent in intents:
        if intent.state == "planned":
            locked = desk.ledger.orders.lock(intent.client_order_id)
            if locked.state == "planned":
                desk.ledger.orders.save(
                    locked, event="superseded", actor=desk.actor, state="not_sent", reason=f"revision_{key.revision}"
                )
    desk.ledger.plans.close(earlier.plan_id, f"superseded by revision {key.revision}")
