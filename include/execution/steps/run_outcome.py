"""What became of a run, written on its row: counted from its orders, named in a word, and said in one line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from include.execution.desk import Desk, stop_trading
from include.execution.steps.open_run import read_run, reason_of, sends
from include.trading.account.books import Break
from include.trading.models import Mode
from include.trading.numbers import shares
from include.trading.order.row import Intent
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


def write_outcome(
    desk: Desk,
    run: Run,
    intents: Sequence[Intent],
    *,
    failed_step: str | None = None,
    completed_at: datetime | None = None,
    compared: bool = True,
) -> tuple[Run, list[Break]]:
    """Count the run's orders, write its outcome, and return its row and the open breaks that concern it.

    compared: False leaves the run among those to be counted again, because its books could not be compared.
    """
    ledger = desk.ledger
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
        if found.run_id == run.run_id or found.intent_id in ids or _meets(found, completed_at)
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
    acknowledged = [intent.acknowledged_at for intent in intents if intent.acknowledged_at is not None]
    ledger.runs.close(
        run.run_id,
        status=status,
        completed_at=completed_at or ledger.now(),
        planned=counts.planned if sends(run) else sum(outcome == "order" for outcome, _ in outcomes),
        submitted=counts.submitted,
        accepted=counts.accepted,
        rejected=counts.rejected,
        filled=counts.filled,
        denied=counts.denied + sum(outcome == "denied" for outcome, _ in outcomes),
        not_sent=counts.not_sent,
        unknown=counts.unknown,
        last_acknowledged_at=max(acknowledged, default=None),
        responses={intent.client_order_id: _response(intent) for intent in intents} if compared else None,
        error_message=_error(run, status, counts, [found.message for found in breaks], failed_step, why),
        summary=summary(run, status, counts, outcomes),
    )
    return read_run(ledger, run.run_id), breaks


def _meets(found: Break, completed_at: datetime | None) -> bool:
    """Say whether the run met a gateway of another mode; what came after it was completed is not its own."""
    return found.kind == "gateway_mode" and (completed_at is None or found.found_at <= completed_at)


def _response(intent: Intent) -> dict[str, Any]:
    return {
        "symbol": intent.symbol,
        "side": intent.side,
        "quantity": shares(intent.quantity),
        "state": intent.state,
        "gateway_status": intent.gateway_status,
        "acknowledged": intent.acknowledged_at is not None,
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
