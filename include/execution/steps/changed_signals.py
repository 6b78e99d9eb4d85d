"""Whether a source says something else than what a plan was made from: that is told, and never traded."""

from __future__ import annotations

from uuid import UUID

from include.execution.alerts.raising import raise_of_run
from include.execution.desk import Desk
from include.execution.steps.fetch_signals import request_of
from include.trading.alerts.catalogue import SIGNALS_CHANGED
from include.trading.errors import TradingError
from include.trading.ports import KnownAgain, SignalSource
from include.trading.run.row import Run


def look_again(desk: Desk, source: SignalSource, run: Run) -> str | None:
    """Look at the source once more and return how it changed since the run's plan was frozen, None where it did not.

    A source that does not answer, or that cannot be known again, says nothing of a change.
    """
    if run.plan_id is None or not isinstance(source, KnownAgain):
        return None
    try:
        found = source.fingerprint(request_of(desk, run))
    except TradingError:
        return None
    return compare(desk, run, run.plan_id, found)


def compare(desk: Desk, run: Run, plan_id: UUID, found: str | None) -> str | None:
    """Tell, where the plan was made from signals with another hash, and return how; the plan stays as it is."""
    planned = (desk.ledger.runs.origin_of_plan(plan_id) or {}).get("sha256")
    if None in (planned, found) or planned == found:
        return None
    words = (
        f"the signals of session {run.session_date} of {run.strategy_id} changed after its plan was frozen: their hash "
        f"is {found} now and was {planned}; the plan stays as it is"
    )
    desk.ledger.runs.record_change(run.run_id, words)
    key = SIGNALS_CHANGED.key(run.strategy_id, run.mode, run.session_date)
    raise_of_run(desk.ledger, run, SIGNALS_CHANGED.alarm(key, words))
    return words
