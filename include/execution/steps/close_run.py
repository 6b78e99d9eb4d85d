"""Close a run: compare the books, write the outcome, and raise and end what it alerts about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from include.execution.alerts.raising import position_words, raise_for_run, raise_position_alert
from include.execution.binding import proves_absence
from include.execution.desk import Desk, check_gateway, refresh_account, stop_trading
from include.execution.faultpoints import reach
from include.execution.orders.resolve import gateway_ids, look_again, may_be_live
from include.execution.steps.open_run import sends
from include.execution.steps.positions import differences
from include.execution.steps.run_outcome import write_outcome
from include.execution.steps.track_fills import break_without_quantity
from include.trading.account.books import Break
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import FILLS_AHEAD, GATEWAY_PAUSED, POSITION_DIFFERENCE
from include.trading.errors import BookMismatch, TradingError
from include.trading.numbers import shares
from include.trading.order.row import Intent
from include.trading.order.states import FINAL
from include.trading.run.row import Run


def close_run(desk: Desk, run: Run, *, failed_step: str | None = None, completed_at: datetime | None = None) -> Run:
    """Write a run's outcome and return the row. May be called again, and then counts everything once more.

    failed_step: why a step before tracking did not end, if one did not. completed_at: None is now.
    Raises Unavailable when the gateway cannot be asked although orders were sent: the books are not compared then.
    """
    ledger = desk.ledger
    intents = [] if run.plan_id is None else ledger.orders.of_plan(run.plan_id)
    if any(intent.attempt > 0 for intent in intents):
        _compare_books(desk, run, intents)
        intents = ledger.orders.of_plan(intents[0].plan_id)
    reach("while_closing")
    closed, breaks = write_outcome(desk, run, intents, failed_step=failed_step, completed_at=completed_at)
    if sends(run):
        refresh_account(desk, run.account)
        _end_alerts(desk, run, intents, breaks)
    raise_for_run(ledger, closed, desk.settings)
    return closed


def _end_alerts(desk: Desk, run: Run, intents: Sequence[Intent], breaks: Sequence[Break]) -> None:
    """End what is over: contradicting fills once the books agree, a pause of the gateway once it is."""
    account = desk.ledger.accounts.get(run.account)
    ended = [intent.client_order_id for intent in intents if intent.state in FINAL]
    keys = [] if breaks else [FILLS_AHEAD.key(run.account, id) for id in ended]
    if account is None or account.gateway_paused_until is None or account.gateway_paused_until <= desk.ledger.now():
        keys.append(GATEWAY_PAUSED.key(run.account))
    desk.ledger.alerts.end(*keys)


def _compare_books(desk: Desk, run: Run, intents: Sequence[Intent]) -> None:
    """Ask the second source: orders that may be live after all, orders still open, their fills, and the positions."""
    vanished, unasked = [], None
    for intent in intents:
        if intent.attempt == 0:
            continue
        try:
            if not _is_there(desk, intent):
                vanished.append(intent)
        except BookMismatch:
            # A break by now; the other orders are looked at all the same.
            continue
        except TradingError as error:
            unasked = unasked or error
    if vanished:
        alone = vanished[0] if len(vanished) == 1 else None
        orders = listed([f"{row.client_order_id} ({row.words})" for row in vanished])
        stop_trading(
            desk,
            run.account,
            "vanished",
            str(run.plan_id) if alone is None else alone.client_order_id,
            f"acknowledged orders that the gateway no longer knows: {orders}",
            intent=alone,
            run_id=run.run_id,
            detail={"orders": [row.client_order_id for row in vanished]},
        )
    if unasked is not None:
        raise unasked
    _compare_fills(desk, run, intents)
    if run.mode == "dry_run":
        return
    found = differences(desk, run.account, {intent.symbol for intent in intents}, run.run_id)
    traits = desk.gateway.traits
    if not traits.positions_are_exact:
        note = f" ({traits.positions_note}, so trading goes on)"
        raise_position_alert(desk.ledger, POSITION_DIFFERENCE, run, found, note)
    elif found:
        # One break however many symbols: an answer that is wrong as a whole is one cause, and one id to resume with.
        stop_trading(
            desk,
            run.account,
            "position_mismatch",
            f"{run.session_date}:{run.strategy_id}",
            position_words(found),
            symbol=next(iter(found)) if len(found) == 1 else None,
            run_id=run.run_id,
            detail={
                symbol: {"gateway": str(actual), "expected": str(expected)}
                for symbol, (actual, expected) in found.items()
            },
        )


def _vanished(desk: Desk, intent: Intent) -> bool:
    """Say whether the account's own gateway no longer knows an order that it acknowledged."""
    if any(desk.gateway.order(id) is not None for id in gateway_ids(desk, intent)):
        return False
    check_gateway(desk, intent.account, intent.mode)
    return proves_absence(desk.ledger, desk.bound, intent)


def _is_there(desk: Desk, intent: Intent) -> bool:
    """Look again at an order; return False when it was acknowledged and the gateway no longer knows it."""
    if may_be_live(intent):
        look_again(desk, intent)
    if intent.state != "open":
        return True
    break_without_quantity(desk, intent, after_seconds=0)
    return not _vanished(desk, intent)


def _compare_fills(desk: Desk, run: Run, intents: Sequence[Intent]) -> None:
    """Hold what is booked of each order against its filled quantity."""
    booked = desk.ledger.orders.booked([intent.id for intent in intents])
    for intent in desk.ledger.orders.of_plan(intents[0].plan_id):
        fills = booked.get(intent.id, Decimal(0))
        if fills != intent.filled_quantity:
            stop_trading(
                desk,
                run.account,
                "fills_differ",
                intent.client_order_id,
                f"order {intent.client_order_id} ({intent.words}): its fills add up "
                f"to {shares(fills)}, {shares(intent.filled_quantity)} are filled",
                intent=intent,
                run_id=run.run_id,
            )
