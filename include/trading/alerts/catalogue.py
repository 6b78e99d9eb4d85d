"""Every alert there is: its severity, the name of its cause, the first thing to do about it, and its runbook entry.

Who raises an alert and who ends it take the name of the cause from the same entry, so that the two always agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True)
class Alarm:
    """An alert about to be stored. key: the name of its cause; the same cause is counted, not stored again."""

    kind: str
    severity: Severity
    key: str
    message: str
    next_step: str


@dataclass(frozen=True)
class Cause:
    """What an alert is about. Several causes may share a kind, which is what a person reads and docs/runbook.md names.

    severities: the usual one first; another is the choice of who raises it. of: what makes up the name of a cause.
    next_step: with {account}, {strategy} and others to fill in. ends_by: what alone ends a cause that is in the ledger.
    head: how the names of its causes begin; by default as the kind.
    """

    kind: str
    severities: tuple[Severity, ...]
    of: tuple[str, ...]
    next_step: str
    ends_by: str | None = None
    head: str | None = None

    def key(self, *parts: str | date | int | None) -> str:
        """Return the name of one cause; None for what it is not divided by."""
        if len(parts) != len(self.of):
            raise TypeError(f"a cause of {self.kind} is named by {', '.join(self.of)}, not by {len(parts)} parts")
        return ":".join([self.head or self.kind, *("" if part is None else str(part) for part in parts)])

    def prefix(self, *parts: str | date | int) -> str:
        """Return how the names of all causes begin that have these first parts."""
        return "".join(f"{part}:" for part in (self.head or self.kind, *parts))

    def alarm(self, key: str, message: str, *, severity: Severity | None = None, **words: str) -> Alarm:
        """Return an alert of this cause. words: what the next step has to fill in."""
        severity = severity or self.severities[0]
        if severity not in self.severities:
            raise ValueError(f"{self.kind} is {' or '.join(self.severities)}, never {severity}")
        return Alarm(self.kind, severity, key, message, self.next_step.format_map(words))


_RUN = ("strategy", "mode", "session")
_ACCOUNT = ("account",)
_POSITIONS = ("account", "strategy", "symbols")
_TASK = ("dag", "airflow run", "task")
_RESUME = "python -m include.ops resume --account {account} --reason …"

# Sent once a session, good or bad.
SUMMARY: Final = Cause("summary", ("info",), (*_RUN, "revision"), "{step}")

# When the session's book is closed.
DAY_RESULT: Final = Cause("summary", ("info",), _RUN, "the strategy's page has what made it up", head="day_result")

# Judged when a run is closed. A replay's are warnings, whatever they are of a run that trades.
RUN_FAILED: Final = Cause(
    "run_failed",
    ("critical", "warning"),
    _RUN,
    "open the run: its last red task says what was expected and what came; then clear that task",
)
SLOW_RUN: Final = Cause(
    "slow_run",
    ("warning",),
    _RUN,
    "compare the steps' durations on the run's page; a slow service shows in its own log lines",
)
ZERO_SIGNALS: Final = Cause(
    "zero_signals",
    ("warning",),
    _RUN,
    "ask {source}'s owner whether the model meant it; holdings stayed as they were",
)
FEW_SUBMITTED: Final = Cause(
    "few_submitted",
    ("warning",),
    _RUN,
    "read the reasons on the run's page: skipped, denied and not sent are each named by symbol",
)
REJECTED: Final = Cause(
    "rejected",
    ("warning", "critical"),  # by the share of orders
    _RUN,
    "read the gateway's words at each rejected order; clearing a task never sends a rejected order again",
)
PRICES_SKIPPED: Final = Cause(
    "prices_skipped",
    ("warning",),
    _RUN,
    "look at the market data service; the next run asks again, no price is ever invented",
)
# One that a later run of the strategy and mode does not have is over.
OF_RUNS: Final = (RUN_FAILED, SLOW_RUN, ZERO_SIGNALS, FEW_SUBMITTED, REJECTED, PRICES_SKIPPED)

# Judged when a plan is made.
SIGNALS_MISSING: Final = Cause(
    "signals_missing",
    ("warning",),
    _RUN,
    "ask {source}'s owner for their data of the day; flatten what must not be held",
)
HISTORY_MISSING: Final = Cause(
    "history_missing",
    ("warning",),
    _RUN,
    "look at the symbols' closes and volumes at the market data service; flatten what must not be held",
)
FAR_PRICE: Final = Cause(
    "far_price",
    ("critical", "warning"),
    _RUN,
    "compare the price with another source; if it is wrong, halt the account and cancel the order",
)
OLD_PRICE: Final = Cause(
    "old_price",
    ("warning",),
    _RUN,
    "find out whether the symbol was renamed, delisted or halted; flatten closes it without a price",
)
# Seen when a session's signals are looked at again.
SIGNALS_CHANGED: Final = Cause(
    "signals_changed",
    ("info",),
    _RUN,
    "nothing to do if it was meant for later; to trade what it says now, trigger the session with the next revision",
)
OF_PLANS: Final = (SIGNALS_MISSING, HISTORY_MISSING, FAR_PRICE, OLD_PRICE)

# Of Airflow's tasks and runs.
ERROR: Final = Cause(
    "error",
    ("warning",),
    _TASK,
    "read the task's log; the task tries again by itself, and every task is safe to clear",
)
GAVE_UP: Final = Cause(
    "error",
    ("critical",),
    _TASK,
    "read the task's log, repair what it names, then clear the task: it does not try again by itself",
)
DAG_FAILED: Final = Cause("run_failed", ("critical",), ("dag", "airflow run"), RUN_FAILED.next_step, head="dag_failed")
REFUSED_REQUEST: Final = Cause(
    "refused_request",
    ("warning",),
    ("dag", "refusal"),
    "trigger again with what the message expects; nothing was sent, and it ends by itself",
)
STUCK_RUN: Final = Cause(
    "stuck_run",
    ("critical",),
    _RUN,
    "look at the run's tasks in Airflow; clearing any of them is safe",
)
SESSION_MISSED: Final = Cause(
    "session_missed",
    ("critical",),
    ("strategy", "session"),
    "look whether the scheduler runs and the DAG has no import error, then trigger the DAG",
)

# Of orders.
UNKNOWN_ORDER: Final = Cause(
    "unknown_order",
    ("critical",),
    ("account", "order"),  # without an order: of the many that became unknown together
    "look-ups go on and nothing is sent twice; if it lasts: python -m include.ops orders, then settle",
    ends_by="its look-up, or by settling the order",
)
FILLS_AHEAD: Final = Cause(
    "fills_ahead",
    ("warning",),
    ("account", "order"),
    "nothing to do when the positions agree; the gateway's owner should know of the order",
)
OPEN_AFTER_CLOSE: Final = Cause(
    "open_after_close",
    ("warning",),
    _ACCOUNT,
    "cancel at the broker or with python -m include.ops halt --cancel-open; fills still count",
)

# Of accounts and their gateways.
ACCOUNT_STATE: Final = Cause(
    "account_state",
    ("warning", "critical"),  # reduce_only, halted
    _ACCOUNT,
    f"find out why, settle it, then: {_RESUME}",
    ends_by="resuming the account, or by itself when it takes reductions only",
)
BREAK: Final = Cause(
    "break",
    ("critical",),
    ("account", "break"),
    "put right what differs by what the broker shows: settle, correct, adopt or rebind, as the runbook says; "
    f"then: {_RESUME}",
    ends_by="resuming the account",
)
GATEWAY_MODE: Final = Cause(
    "gateway_mode", ("critical",), BREAK.of, BREAK.next_step, ends_by=BREAK.ends_by, head=BREAK.kind
)
OTHER_GATEWAY: Final = Cause(
    "other_gateway",
    ("critical",),
    _ACCOUNT,
    "correct the connection; when the account really moved: "
    "python -m include.ops rebind --account {account} --same-account --reason …",
)
GATEWAY_PAUSED: Final = Cause(
    "gateway_paused",
    ("critical",),
    _ACCOUNT,
    f"ask the gateway's owner; to send before the pause ends: {_RESUME}",
)
BLOCKED_SYMBOL: Final = Cause(
    "blocked_symbol",
    ("warning",),
    _POSITIONS,
    "look at the broker: a split, a new symbol or a fill that is missing here is put right by python -m "
    "include.ops correct --account {account} --strategy {strategy} …, what is not ours is adopted",
)
HELD_BY_ANOTHER: Final = Cause(
    "blocked_symbol",
    ("warning",),
    ("account/strategy",),
    "if it is now called {strategy}: python -m include.ops correct --account {account} --strategy {strategy} "
    "--move-from {owner} --reason …",
)
POSITION_DIFFERENCE: Final = Cause(
    "position_difference",
    ("warning",),
    _POSITIONS,
    "compare with the broker's own account page",
)
CORPORATE_ACTION: Final = Cause(
    "corporate_action",
    ("warning",),
    ("account", "strategy", "announcement"),
    "a proposal is booked by one click on the account's page; anything else is put right by what the broker shows: "
    "python -m include.ops correct --account {account} …, then dismissed there",
    ends_by="booking or dismissing it",
)
LOSS_LIMIT: Final = Cause(
    "loss_limit",
    ("critical",),
    _ACCOUNT,
    f"look at what lost; increases are denied, reductions go on; to trade on: {_RESUME}",
    ends_by="resuming the account",
)
UNEXPLAINED_CASH: Final = Cause(
    "unexplained_cash",
    ("warning",),
    _ACCOUNT,
    "compare the account's activities at the broker with its day here; money put in or taken out of a strategy's book "
    "is recorded with python -m include.ops capital --account {account} …",
)
BOOKS_NOT_CLOSED: Final = Cause(
    "books_not_closed",
    ("warning",),
    _ACCOUNT,
    "read what it names, mostly market data that does not answer; then: python -m include.ops books",
)

# Of the installation.
STRATEGIES_FILE: Final = Cause(
    "strategies_file",
    ("critical",),
    (),
    "repair the strategies file: until then no strategy has a run; orders are still looked after",
)
WATCHDOG_PROBLEM: Final = Cause(
    "watchdog_problem",
    ("critical",),
    ("subject",),
    "repair what it names; everything else is still looked after",
)

CATALOGUE: Final[tuple[Cause, ...]] = tuple(value for value in dict(globals()).values() if isinstance(value, Cause))
# What alone ends a kind of cause that the ledger itself has, whatever is said of its alert.
ENDED_BY: Final[Mapping[str, str]] = {cause.kind: cause.ends_by for cause in CATALOGUE if cause.ends_by is not None}


def cause_of_break(kind: str) -> Cause:
    """Return what a break of this kind is alerted as."""
    return GATEWAY_MODE if kind == GATEWAY_MODE.kind else BREAK


def names_alone(key: str, symbol: str) -> bool:
    """Say whether a cause that is named by symbols is about this one alone."""
    return key.endswith(f":{symbol}")


def runbook_entry(kind: str) -> str:
    """Return where docs/runbook.md says what to do about a kind of alert."""
    return f"docs/runbook.md#{kind}"
