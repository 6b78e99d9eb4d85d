"""Close a run: compare the books, count, name the outcome, and say it in one line."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from include.execution.alerts.raising import position_words, raise_for_run, raise_position_alert
from include.execution.binding import proves_absence
from include.execution.desk import Desk, check_gateway, refresh_account, stop_trading
from include.execution.faultpoints import reach
from include.execution.orders.resolve import gateway_ids, look_again, may_be_live
from include.execution.steps.open_run import read_run, reason_of, sends
from include.execution.steps.positions import differences
from include.execution.steps.track_fills import break_without_quantity
from include.trading.account.books import Break
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import FILLS_AHEAD, GATEWAY_PAUSED, POSITION_DIFFERENCE
from include.trading.errors import BookMismatch, TradingError
from include.trading.models import Mode
from include.trading.numbers import shares
from include.trading.order.row import Intent
from include.trading.order.states import FINAL
from include.trading.run.outcome import (
    OrderFact,
    RunCounts,
    changes_undecided,
    changes_wanted,
    count_orders,
    run_status,
    unequal,
    why_not_sent,
)
from include.trading.run.row import Run


def close_run(desk: Desk, run: Run, *, failed_step: str | None = None) -> Run:
    """Write a run's outcome and return the row. May be called again, and then counts everything once more.

    failed_step: why a step before tracking did not end, if one did not.
    Raises Unavailable when the gateway cannot be asked although orders were sent: the books are not compared then.
    """
    ledger = desk.ledger
    intents = [] if run.plan_id is None else ledger.orders.of_plan(run.plan_id)
    if any(intent.attempt > 0 for intent in intents):
        _compare_books(desk, run, intents)
        intents = ledger.orders.of_plan(intents[0].plan_id)
    reach("while_closing")
    counts = count_orders(
        OrderFact(state=intent.state, acknowledged=intent.acknowledged_at is not None) for intent in intents
    )
    problem = unequal(counts)
    if problem is not None:
        stop_trading(desk, run.account, "books_differ", str(run.run_id), problem, run_id=run.run_id)
    if run.plan_id is not None:
        ledger.runs.update_mappings(run.plan_id)
    rows = ledger.runs.mappings(run.run_id)
    outcomes = [(row["outcome"], row["skip_reason"]) for row in rows]
    ids = {intent.id for intent in intents}
    breaks = [
        found
        for found in (ledger.books.open_breaks(run.account) if sends(run) else [])
        if found.run_id == run.run_id or found.intent_id in ids or found.kind == "gateway_mode"
    ]
    status = run_status(
        sends=sends(run),
        mapped=run.mapped_at is not None,
        wanted=changes_wanted(outcomes),
        ordered=sum(outcome == "order" for outcome, _ in outcomes),
        counts=counts,
        broken=bool(breaks),
        undecided=changes_undecided(outcomes),
    )
    why = why_not_sent([(intent.state, intent.reason) for intent in intents], outcomes)
    now = ledger.now()
    acknowledged = [intent.acknowledged_at for intent in intents if intent.acknowledged_at is not None]
    ledger.runs.close(
        run.run_id,
        status=status,
        completed_at=now,
        planned=counts.planned if sends(run) else sum(outcome == "order" for outcome, _ in outcomes),
        submitted=counts.submitted,
        accepted=counts.accepted,
        rejected=counts.rejected,
        filled=counts.filled,
        denied=counts.denied + sum(outcome == "denied" for outcome, _ in outcomes),
        not_sent=counts.not_sent,
        unknown=counts.unknown,
        last_acknowledged_at=max(acknowledged, default=None),
        responses={intent.client_order_id: _response(intent) for intent in intents},
        error_message=_error(run, status, counts, [found.message for found in breaks], failed_step, why),
        summary=summary(run, status, counts, outcomes),
    )
    if sends(run):
        refresh_account(desk, run.account)
        _end_alerts(desk, run, intents, breaks)
    closed = read_run(ledger, run.run_id)
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


def _response(intent: Intent) -> dict[str, Any]:
    return {
        "symbol": intent.symbol,
        "side": intent.side,
        "quantity": shares(intent.quantity),
        "state": intent.state,
        "gateway_status": intent.gateway_status,
        "gateway_order_id": intent.gateway_order_id,
        "broker_order_id": intent.broker_order_id,
        "message": intent.message,
        "reason": intent.reason,
        "filled_quantity": shares(intent.filled_quantity),
        "filled_avg_price": None if intent.filled_avg_price is None else str(intent.filled_avg_price),
        "attempts": intent.attempt,
    }


def _error(
    run: Run,
    status: str,
    counts: RunCounts,
    breaks: Sequence[str],
    failed_step: str | None,
    why: Sequence[str],
) -> str | None:
    if status == "completed":
        return None
    parts = [*breaks]
    if counts.unknown:
        parts.append(f"{counts.unknown} orders without a known outcome; looking them up goes on")
    if failed_step is not None:
        parts.append(failed_step)
    if run.mapped_at is None and run.error_message:
        parts.append(run.error_message)
    for count, words in (
        (counts.rejected, "rejected"),
        (counts.open, "open at the cut-off"),
    ):
        if count:
            parts.append(f"{count} of {counts.planned} orders {words}")
    parts += why
    return "; ".join(dict.fromkeys(parts)) or None


def summary(run: Run, status: str, counts: RunCounts, outcomes: Sequence[tuple[str, str | None]]) -> str:
    """Return the run in one line; it begins with the mode when the run sent nothing on purpose."""
    head = "" if sends(run) else f"{_mode_words(run.mode, run.mode_reason)}: "
    skipped = sum(outcome == "skipped" for outcome, _ in outcomes)
    denied = sum(outcome == "denied" for outcome, _ in outcomes) + counts.denied
    ordered = counts.planned if sends(run) else sum(outcome == "order" for outcome, _ in outcomes)
    parts = [f"{run.num_signals} signals", f"{ordered} orders"]
    if sends(run):
        parts += [f"{counts.accepted} acknowledged", f"{counts.filled} filled"]
    for count, words in (
        (counts.rejected, "rejected"),
        (denied, "denied"),
        (skipped, "skipped"),
        (counts.not_sent, "not sent"),
        (counts.unknown, "unknown"),
    ):
        if count:
            parts.append(f"{count} {words}")
    adopted = ", adopted plan" if run.adopted else ""
    revision = f", revision {run.revision}" if run.revision > 1 else ""
    reason = reason_of(run)
    why = "" if reason is None else f" (reason: {reason})"
    return f"{head}{run.strategy_id} {run.session_date} {status}{revision}{adopted}: {', '.join(parts)}{why}"


def _mode_words(mode: Mode, reason: str | None) -> str:
    return mode.upper() if reason is None else f"{mode.upper()} ({reason})"
