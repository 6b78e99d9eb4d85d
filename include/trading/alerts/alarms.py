"""What a person must hear about a closed run: thresholds, severity and words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from pydantic import Field

from include.trading.alerts.catalogue import (
    FEW_SUBMITTED,
    PRICES_SKIPPED,
    REJECTED,
    RUN_FAILED,
    SLOW_RUN,
    ZERO_SIGNALS,
    Alarm,
    Cause,
    Severity,
)
from include.trading.models import Mode, Value
from include.trading.order.identity import SENDING_MODES
from include.trading.run.outcome import RunStatus


class Thresholds(Value):
    """The numbers above which an alarm is raised. Shares are fractions of 1."""

    longest_run_seconds: float = Field(default=60, gt=0, description="start to last acknowledgement; longer alerts")
    least_submitted: float = Field(default=0.50, ge=0, le=1, description="share of wanted symbols; fewer sent alerts")
    rejected_warning: float = Field(default=0.10, ge=0, le=1, description="share of rejected orders that warns")
    rejected_critical: float = Field(default=0.50, ge=0, le=1, description="share of rejected orders that is critical")
    most_prices_skipped: float = Field(
        default=0.50, ge=0, le=1, description="share of symbols without price that alerts"
    )


class RunFacts(Value):
    """The facts of a closed run that its alarms are judged by."""

    run_id: UUID
    strategy_id: str
    source: str = Field(description="where its signals come from, as a sentence calls it")
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
    submitted: int = Field(description="symbols for which an order was ever sent")
    orders: int = Field(description="orders of the plan")
    rejected: int = Field(description="orders that ended as refused")
    sending_seconds: float | None = Field(description="start to last acknowledgement, without ordered waits")


def listed(items: Sequence[str], *, most: int = 10, between: str = ", ") -> str:
    """Return the first items in one text of bounded length, with the number of the others."""
    more = f" … and {len(items) - most} more" if len(items) > most else ""
    return between.join(shortened(item, 400) for item in items[:most]) + more


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 2]} …"


# Of a run whose every task was killed.
NO_REASON = "no task left a message; see the tasks' logs, and the reason of every symbol on the run's page"


def run_alarms(facts: RunFacts, thresholds: Thresholds) -> list[Alarm]:
    """Return what a closed run raises. A run that never sends is judged by its signals and prices alone.

    A backfill of years has one name for each cause, so that it is sent once and counted.
    """
    replay = facts.mode == "replay"
    found: list[Alarm] = []

    def add(cause: Cause, message: str, severity: Severity | None = None) -> None:
        key = cause.key(facts.strategy_id, facts.mode, None if replay else facts.session)
        words = f"{facts.strategy_id} {facts.session}: {message}"
        found.append(cause.alarm(key, words, severity="warning" if replay else severity, source=facts.source))

    if facts.status == "failed":
        add(RUN_FAILED, f"the run failed: {facts.error_message or NO_REASON}")
    if facts.mapped and facts.no_tradable_signal:
        add(ZERO_SIGNALS, "no signal has a weight; nothing was ordered")
    if _share(facts.price_problems, facts.symbols) > thresholds.most_prices_skipped:
        add(
            PRICES_SKIPPED,
            f"{facts.price_problems} of {facts.symbols} symbols were skipped because they had no usable price",
        )
    if facts.mode not in SENDING_MODES:
        return found
    if facts.wanted and _share(facts.submitted, facts.wanted) < thresholds.least_submitted:
        add(FEW_SUBMITTED, f"orders were sent for {facts.submitted} of {facts.wanted} symbols to change")
    rejected = _share(facts.rejected, facts.orders)
    if rejected > thresholds.rejected_warning:
        severity: Severity = "critical" if rejected > thresholds.rejected_critical else "warning"
        add(REJECTED, f"{facts.rejected} of {facts.orders} orders were rejected", severity)
    seconds = facts.sending_seconds
    if seconds is not None and not facts.adopted and seconds > thresholds.longest_run_seconds:
        add(
            SLOW_RUN,
            f"{seconds:.0f} s from start to the last acknowledgement, at most "
            f"{thresholds.longest_run_seconds:g} are expected",
        )
    return found


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
