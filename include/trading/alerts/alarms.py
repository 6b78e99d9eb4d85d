"""What of a closed run a person must hear: each alarm's cause, threshold, severity, words and next step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from include.trading.models import Mode, Value
from include.trading.order.identity import SENDING_MODES
from include.trading.run.outcome import RunStatus

Severity = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")

# What to do first; docs/runbook.md has an entry of each name.
NEXT_STEPS: Final[dict[str, str]] = {
    "run_failed": "open the run: its last red task says what was expected and what came; then clear that task",
    "slow_run": "compare the steps' durations on the run's page; a slow service shows in its own log lines",
    "zero_signals": "ask the Signal Service's owner whether the model meant it; holdings stayed as they were",
    "signals_missing": "ask the Signal Service's owner for their data of the day; flatten what must not be held",
    "far_price": "compare the price with another source; if it is wrong, halt the account and cancel the order",
    "old_price": "find out whether the symbol was renamed, delisted or halted; flatten closes it without a price",
    "few_submitted": "read the reasons on the run's page: skipped, denied and not sent are each named by symbol",
    "rejected": "read the gateway's words at each rejected order; clearing a task never sends a rejected order again",
    "prices_skipped": "look at the market data service; the next run asks again, no price is ever invented",
    "error": "read the task's log; the task tries again by itself, and every task is safe to clear",
    "refused_request": "trigger again with what the message expects; nothing was sent, and it ends by itself",
    "session_missed": "look whether the scheduler runs and the DAG has no import error, then trigger the DAG",
    "unknown_order": "look-ups go on and nothing is sent twice; if it lasts: python -m include.ops orders, then settle",
    "account_state": "find out why, settle it, then: python -m include.ops resume --account … --reason …",
    "open_after_close": "cancel at the broker or with python -m include.ops halt --cancel-open; fills still count",
    "break": "put right what differs by what the broker shows: settle, correct, adopt or rebind, as the runbook says; "
    "then: python -m include.ops resume --account … --reason …",
    "other_gateway": "correct the connection; when the account really moved: "
    "python -m include.ops rebind --account … --same-account --reason …",
    "fills_ahead": "nothing to do when the positions agree; the gateway's owner should know of the order",
    "gateway_paused": "ask the gateway's owner; to send before the pause ends: "
    "python -m include.ops resume --account … --reason …",
    "stuck_run": "look at the run's tasks in Airflow; clearing any of them is safe",
    "strategies_file": "repair the strategies file: until then no strategy has a run; orders are looked after on",
    "watchdog_problem": "repair what it names; everything else is looked after all the same",
}

# What a task that failed for good leaves to do.
GAVE_UP = "read the task's log, repair what it names, then clear the task: it does not try again by itself"

# Causes judged when a run is closed; one that a later run of the strategy and mode does not have is over.
RUN_KINDS: Final = ("run_failed", "slow_run", "zero_signals", "few_submitted", "rejected", "prices_skipped")


class Thresholds(Value):
    """Where a number becomes an alarm. Shares are of 1."""

    longest_run_seconds: float = Field(default=60, gt=0, description="start to last acknowledgement; longer alerts")
    least_submitted: float = Field(default=0.50, ge=0, le=1, description="share of wanted symbols; fewer sent alerts")
    rejected_warning: float = Field(default=0.10, ge=0, le=1, description="share of rejected orders that warns")
    rejected_critical: float = Field(default=0.50, ge=0, le=1, description="share of rejected orders that is critical")
    most_prices_skipped: float = Field(
        default=0.50, ge=0, le=1, description="share of symbols without price that alerts"
    )


class RunFacts(Value):
    """What of a closed run alarms are judged by."""

    run_id: UUID
    strategy_id: str
    session: date
    mode: Mode
    status: RunStatus
    error_message: str | None
    adopted: bool
    mapped: bool
    no_tradable_signal: bool = Field(description="no signals at all, or none with a weight, though some were wanted")
    symbols: int = Field(description="decided on")
    price_problems: int = Field(description="symbols skipped for their price")
    wanted: int = Field(description="symbols whose change exceeds the no-trade band")
    submitted: int = Field(description="symbols of which an order was ever sent")
    orders: int = Field(description="orders of the plan")
    rejected: int = Field(description="orders that ended as refused")
    sending_seconds: float | None = Field(description="start to last acknowledgement, without ordered waits")


class Alarm(Value):
    kind: str
    severity: Severity
    key: str
    message: str
    next_step: str


def listed(items: Sequence[str], *, most: int = 10, between: str = ", ") -> str:
    """Return the first items in one text of bounded length, with the number of the others."""
    more = f" … and {len(items) - most} more" if len(items) > most else ""
    return between.join(shortened(item, 400) for item in items[:most]) + more


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 2]} …"


def run_key(kind: str, strategy_id: str, mode: Mode, session: date | None) -> str:
    """Return the name under which a run's cause is known; without a session, how all of the strategy's begin."""
    return f"{kind}:{strategy_id}:{mode}:{session or ''}"


# Of a run whose every task was killed.
NO_REASON = "no task left a word; the tasks' logs and the reason of every symbol on the run's page tell more"


def run_alarms(facts: RunFacts, thresholds: Thresholds) -> list[Alarm]:
    """Return what a closed run raises. A run that never sends is judged by its signals and prices alone.

    A backfill of years has one name for each cause, so that it is told once and counted.
    """
    replay = facts.mode == "replay"
    found: list[Alarm] = []

    def add(kind: str, severity: Severity, message: str) -> None:
        found.append(
            Alarm(
                kind=kind,
                severity="warning" if replay else severity,
                key=run_key(kind, facts.strategy_id, facts.mode, None if replay else facts.session),
                message=f"{facts.strategy_id} {facts.session}: {message}",
                next_step=NEXT_STEPS[kind],
            )
        )

    if facts.status == "failed":
        add("run_failed", "critical", f"the run failed: {facts.error_message or NO_REASON}")
    if facts.mapped and facts.no_tradable_signal:
        add("zero_signals", "warning", "no signal has a weight; nothing was ordered")
    if _share(facts.price_problems, facts.symbols) > thresholds.most_prices_skipped:
        add(
            "prices_skipped",
            "warning",
            f"{facts.price_problems} of {facts.symbols} symbols were skipped for want of a usable price",
        )
    if facts.mode not in SENDING_MODES:
        return found
    if facts.wanted and _share(facts.submitted, facts.wanted) < thresholds.least_submitted:
        add("few_submitted", "warning", f"orders were sent for {facts.submitted} of {facts.wanted} symbols to change")
    rejected = _share(facts.rejected, facts.orders)
    if rejected > thresholds.rejected_warning:
        severity: Severity = "critical" if rejected > thresholds.rejected_critical else "warning"
        add("rejected", severity, f"{facts.rejected} of {facts.orders} orders were rejected")
    seconds = facts.sending_seconds
    if seconds is not None and not facts.adopted and seconds > thresholds.longest_run_seconds:
        add(
            "slow_run",
            "warning",
            f"{seconds:.0f} s from start to the last acknowledgement, at most "
            f"{thresholds.longest_run_seconds:g} are expected",
        )
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
