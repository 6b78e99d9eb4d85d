"""The second step: from signals to a frozen plan, or to the plan that the session already has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from include.execution.alerts.plan_alerts import raise_for_plan
from include.execution.desk import Desk, refresh_account
from include.execution.faultpoints import reach
from include.execution.orders.resolve import look_again_at, to_look_up_again
from include.execution.own_parts import own_parts
from include.execution.results.actions import Watched, watch_actions
from include.execution.results.losses import limits_losses, stop_losses
from include.execution.results.now import BookNow, book_now
from include.execution.steps.changed_signals import compare
from include.execution.steps.history import history_for
from include.execution.steps.open_run import made_from, sends, strategy_of, with_universe
from include.execution.steps.positions import BOOK_TRIES
from include.execution.steps.prices import without_price
from include.execution.steps.snapshot import BookMoved, Outside, ask_outside, blocks, book_mode, read_book, symbols_of
from include.execution.steps.track_fills import close_late_orders, refresh_orders
from include.trading.account.books import Book
from include.trading.calendar.sessions import calendar_of
from include.trading.errors import InvalidData, Unavailable
from include.trading.models import AccountFacts, Signal
from include.trading.numbers import shares
from include.trading.order.identity import PlanKey, client_order_id, slot
from include.trading.order.row import Intent
from include.trading.order.states import UNRESOLVED
from include.trading.plan.assets import LEAST_FRACTION_USD
from include.trading.plan.capital import Sized, capital_kept, money_kept, sized
from include.trading.plan.ending import AT_SEND_UNTIL, at_send_until
from include.trading.plan.exposure import reserved
from include.trading.plan.packed import Packed, packed
from include.trading.plan.plan import Leg, MappingRow, Plan, PlanInputs, RuleCheck
from include.trading.plan.planning import make_plan
from include.trading.plan.record import PlanRecord
from include.trading.plan.sizing import shadows_of
from include.trading.ports import PriceSource
from include.trading.run.pace import cannot_fit, orders_a_minute
from include.trading.run.row import Run
from include.trading.sizing.inputs import History
from include.trading.strategy.spec import Strategy


def map_orders(
    desk: Desk, market: PriceSource, run: Run, signals: Sequence[Signal], *, most_orders: int
) -> list[Intent]:
    """Freeze the run's plan and return its orders, reductions first; a plan that exists is read back, not made again.

    A run that never sends stores what it would do as mapping rows and returns nothing.
    most_orders: refuse a plan with more before anything is frozen (Airflow's [core] max_map_length).
    Raises InvalidData when the session's plan was made from other parameters, or the sending window is over.
    """
    if run.plan_id is not None:
        return desk.ledger.orders.of_plan(run.plan_id)
    run = with_universe(run, signals)
    if not sends(run):
        _plan(desk, market, run, signals)
        return []
    key = plan_key(run)
    existing = desk.ledger.plans.get(key.plan_id)
    if existing is None:
        _check_window(desk, run)
        _bring_up_to_date(desk, key)
        existing = _freeze(desk, market, run, signals, key, most_orders, _watch(desk, market, run))
    if existing is not None:
        _adopt(desk, run, existing)
    return desk.ledger.orders.of_plan(key.plan_id)


def plan_key(run: Run) -> PlanKey:
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
    before = {intent.client_order_id for intent in ended if intent.plan_id == _before(key).plan_id}
    for id in failed.keys() & before:
        raise Unavailable(
            f"revision {key.revision} of session {key.session} waits until order {id} of the revision before, which "
            f"was sent, is looked up again: {failed[id]}"
        )


def _before(key: PlanKey) -> PlanKey:
    return key.model_copy(update={"revision": key.revision - 1})


def _planned_at(desk: Desk, run: Run) -> datetime:
    """Return the plan's moment; a replay's is the open of its session, so that repeating it changes nothing."""
    now = desk.ledger.now()
    if run.mode != "replay":
        return now
    return calendar_of(strategy_of(run), now).session(run.session_date).open


def _inputs(
    desk: Desk,
    run: Run,
    signals: Sequence[Signal],
    outside: Outside,
    sizing: Sized,
    book: Book,
    blocked: Mapping[str, str],
    watched: Watched,
    history: History | None,
    *,
    ids_from_content: bool,
    promised: Decimal = Decimal(0),
) -> PlanInputs:
    only = run.parameters["only_symbols"]
    strategy = with_held(run, sizing.strategy, book)
    unpriced = without_price({*book.held, *book.working}, outside.prices)
    return PlanInputs(
        strategy=strategy,
        signals=tuple(signals),
        prices=outside.prices.prices,
        previous_closes=outside.prices.previous_closes,
        last_prices=desk.ledger.orders.last_prices(run.account, unpriced) if unpriced else {},
        held=book.held,
        open_quantity=book.working,
        blocked=dict(blocked),
        account_state=book.account_state or "active",
        traded_today=book.traded,
        ids_from_content=ids_from_content,
        now=_planned_at(desk, run),
        flatten=run.parameters["flatten"],
        money=outside.money,
        promised=promised,
        reductions_only=sizing.reductions_only,
        assets=outside.assets,
        least_fraction_usd=_least_fraction(desk, run),
        no_increases={} if watched.unasked is None else dict.fromkeys(book.held, watched.unasked),
        history=history,
        own=own_parts(strategy, flatten=run.parameters["flatten"]),
        only_symbols=None if only is None else tuple(only),
    )


def with_held(run: Run, strategy: Strategy, book: Book) -> Strategy:
    """Return the strategy, where it has no symbols of its own, with what is held among them.

    An answer that is not complete says nothing of these: they stay.
    """
    if "universe" not in run.parameters:
        return strategy
    return strategy.model_copy(update={"symbols": tuple(sorted({*strategy.symbols, *book.held, *book.working}))})


def _least_fraction(desk: Desk, run: Run) -> Decimal | None:
    """Return what a part of a share must be worth at the run's venue; a run that asks none is planned as the file says.

    None: whole shares only.
    """
    if run.mode != "replay" and desk.reader is not None:
        return desk.reader.traits.least_fraction_usd
    return LEAST_FRACTION_USD if strategy_of(run).quantities == "fractional" else None


def _watch(desk: Desk, market: PriceSource, run: Run) -> Watched:
    """Look at corporate actions before anything is planned: what may be booked is booked first."""
    if run.mode not in ("paper", "live"):
        return Watched()
    strategy = strategy_of(run)
    symbols = symbols_of(run, read_book(desk, run))
    return watch_actions(desk, market, run.account, strategy, run.mode, symbols, run.session_date)


def _book_now(desk: Desk, run: Run, outside: Outside) -> BookNow | None:
    """Return the strategy's own book at the plan's prices, where its capital or a limit of losses needs it."""
    strategy = strategy_of(run)
    if run.mode == "replay" or (strategy.own_book is None and not limits_losses(strategy)):
        return None
    session = calendar_of(strategy, desk.ledger.now()).session(run.session_date)
    return book_now(desk, run.account, strategy, book_mode(run), session, outside.prices.prices)


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


def _sized(run: Run, outside: Outside, now: BookNow | None) -> Sized:
    strategy = strategy_of(run)
    asked = {name: Decimal(amount) for name, amount in run.parameters.get("at_most", {}).items()}
    own = None if strategy.own_book is None else strategy.own_book.start
    return sized(strategy, outside.money, asked, own if now is None else now.day.equity)


def _plan(desk: Desk, market: PriceSource, run: Run, signals: Sequence[Signal]) -> None:
    """Plan and store without a lock, for runs that never send."""
    history = history_for(desk, market, run, signals)
    outside, book = ask_outside(desk, market, run), read_book(desk, run)
    sizing = _sized(run, outside, _book_now(desk, run, outside))
    inputs = _inputs(desk, run, signals, outside, sizing, book, {}, Watched(), history, ids_from_content=False)
    _store(desk, run, make_plan(inputs), packed(inputs), key=None, capital=sizing.strategy.capital_or_none)
    _store_shadows(desk, run, inputs)


def _freeze(
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
    history = history_for(desk, market, run, signals)
    for tries_left in reversed(range(BOOK_TRIES)):
        outside = ask_outside(desk, market, run)
        reach("before_freeze")
        try:
            made = _freeze_under_lock(
                desk, run, signals, key, outside, history, most_orders, watched, wait=tries_left > 0
            )
        except BookMoved:
            continue
        reach("after_freeze")
        if isinstance(made, PlanRecord):
            return made
        # Not under the lock: nothing waits for what is never traded.
        _store_shadows(desk, run, made)
        return None
    raise AssertionError("the last try always plans")


def _freeze_under_lock(
    desk: Desk,
    run: Run,
    signals: Sequence[Signal],
    key: PlanKey,
    outside: Outside,
    history: History | None,
    most_orders: int,
    watched: Watched,
    *,
    wait: bool,
) -> PlanRecord | PlanInputs:
    """Return what the plan was made from, or the plan of a run that was faster.

    wait: raise BookMoved when the book of a symbol to plan moved; otherwise such a symbol is skipped.
    """
    ledger = desk.ledger
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
        blocked = {**blocks(desk, run, outside, book), **dict.fromkeys(watched.blocked, "corporate_action")}
        traits = desk.gateway.traits
        ids_from_content = not traits.takes_our_order_id
        ending = at_send_until(strategy_of(run), can_cancel=traits.can_cancel)
        now = _book_now(desk, run, outside)
        sizing = _sized(run, outside, now)
        if now is not None and _loses_too_much(desk, run, sizing, now):
            book = book.on("reduce_only")
        promised = _promised(desk, run, outside, key)
        inputs = _inputs(
            desk,
            run,
            signals,
            outside,
            sizing,
            book,
            blocked,
            watched,
            history,
            ids_from_content=ids_from_content,
            promised=promised,
        )
        plan, kept = make_plan(inputs), packed(inputs)
        tasks = len({order.symbol for order in plan.orders})
        if tasks > most_orders:
            raise InvalidData(
                f"the plan has orders for {tasks} symbols, Airflow maps at most {most_orders} tasks: raise "
                "[core] max_map_length (AIRFLOW__CORE__MAX_MAP_LENGTH) or narrow the symbols; nothing was frozen"
            )
        allowance, per_minute = desk.gateway.allowance(), strategy_of(run).orders.per_minute
        if traits.has_rate_limit and plan.orders:
            problem = cannot_fit(
                orders=len(plan.orders),
                waiting=ledger.orders.waiting(run.account),
                now=ledger.now(),
                send_until=run.send_until,
                asked=per_minute,
                allowance=allowance,
            )
            if problem is not None:
                raise InvalidData(f"session {run.session_date} of strategy {run.strategy_id}: {problem}")
        ledger.plans.insert(
            key,
            contract=traits.kind,
            as_of_date=run.as_of_date,
            parameters={
                **run.parameters,
                **_kept(sizing, outside, plan),
                AT_SEND_UNTIL: ending,
                "inputs": kept.sha256,
            },
            window_opens=run.window_opens,
            send_until=run.send_until,
            cutoff_at=run.cutoff_at,
            orders_per_minute=orders_a_minute(per_minute, allowance) if traits.has_rate_limit else None,
            created_by_run=run.run_id,
            gateway=desk.bound.venue.record(),
        )
        _store(desk, run, plan, kept, key=key, capital=sizing.strategy.capital_or_none)
    return inputs


def _promised(desk: Desk, run: Run, outside: Outside, key: PlanKey) -> Decimal:
    """Return what other plans' orders will take of the buying power that the venue told; the account is locked."""
    if not isinstance(outside.money, AccountFacts):
        return Decimal(0)
    told = desk.ledger.orders.increases_since(run.account, key.plan_id, outside.money_at)
    return sum((reserved(side, notional) for side, notional in told.items()), Decimal(0))


def _kept(sizing: Sized, outside: Outside, plan: Plan) -> dict[str, Any]:
    """Return what the plan's parameters keep of its making: with the money, where that was asked for, or as notes."""
    return money_kept(sizing, outside.money, plan.notes) or {"notes": list(plan.notes)}


def _store(desk: Desk, run: Run, plan: Plan, kept: Packed, *, key: PlanKey | None, capital: Decimal | None) -> None:
    """Store the mapping rows, what they were made from and, for a run that sends, its intents; all or nothing."""
    ledger = desk.ledger
    with ledger.transaction():
        if key is not None:
            ledger.orders.insert(
                [
                    {
                        "plan_id": key.plan_id,
                        "account": key.account,
                        "strategy_id": key.strategy_id,
                        "mode": key.mode,
                        "slot": slot(key, order.symbol, order.leg),
                        "client_order_id": client_order_id(key, order.symbol, order.leg),
                        "symbol": order.symbol,
                        "leg": order.leg,
                        "position": position,
                        "side": order.side,
                        "quantity": order.quantity,
                        "price": order.price,
                        "reduces": order.reduces,
                    }
                    for position, order in enumerate(plan.orders)
                ]
            )
        reduces = {(order.symbol, order.leg): order.reduces for order in plan.orders}
        ledger.runs.replace_mappings(run.run_id, [_row(row, reduces, key) for row in plan.rows])
        ledger.plan_inputs.keep(run.run_id, kept)
        plan_id = None if key is None else key.plan_id
        ledger.runs.record_mapped(run.run_id, plan_id=plan_id, capital=capital, adopted=False)
        raise_for_plan(ledger, run, plan)


def _store_shadows(desk: Desk, run: Run, inputs: PlanInputs) -> None:
    shadows = [
        {
            "model": shadow.model,
            "refused": shadow.refused,
            "targets": [
                {
                    "symbol": target.symbol,
                    "weight": str(target.weight),
                    "quantity": shares(target.quantity),
                    "bound": target.bound,
                }
                for target in shadow.targets
            ],
        }
        for shadow in shadows_of(inputs)
    ]
    with desk.ledger.transaction():
        desk.ledger.plan_inputs.replace_shadows(run.run_id, shadows)


# Of a row's fields those that are columns of the same name.
_COLUMNS: Final = [f.name for f in fields(MappingRow) if f.name not in ("order_quantity", "reason", "rules")]


def _row(row: MappingRow, reduces: Mapping[tuple[str, Leg], bool], key: PlanKey | None) -> dict[str, Any]:
    ordered = row.outcome == "order"
    return {
        **{name: getattr(row, name) for name in _COLUMNS},
        "order_qty": row.order_quantity,
        "skip_reason": row.reason,
        "rules": [_check(check) for check in row.rules],
        "reduces": reduces.get((row.symbol, row.leg)),
        "client_order_id": client_order_id(key, row.symbol, row.leg) if ordered and key is not None else None,
    }


def _check(check: RuleCheck) -> dict[str, Any]:
    return {
        "code": check.code,
        "outcome": check.outcome,
        "value": None if check.value is None else str(check.value),
        "limit": None if check.limit is None else str(check.limit),
        "detail": check.detail,
    }


def _supersede(desk: Desk, key: PlanKey) -> None:
    """Close the revision before: none of its unsent orders is ever sent. Refused while one's outcome is unknown."""
    earlier = _before(key)
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


def run_id_of(value: str) -> UUID:
    """Return the run id that an earlier task passed on; raises InvalidData when it is none."""
    try:
        return UUID(value)
    except ValueError as error:
        raise InvalidData(f"run_id: expected the UUID that fetch_signals returned, got {value!r}") from error
