"""What became of a run, in numbers and in one word: pure functions of its orders and mapping rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from include.trading.models import Value
from include.trading.order.states import FINAL, REFUSED, UNRESOLVED
from include.trading.plan.reasons import NO_CHANGE_WANTED, UNDECIDED

RunStatus = Literal["completed", "partial", "failed"]


class OrderFact(Value):
    """What the outcome counts of one order. acknowledged: the gateway once took it, whatever came later."""

    state: str
    acknowledged: bool


class RunCounts(Value):
    """planned = denied + not_sent + waiting + submitted; submitted = accepted + refused + unknown.

    Only orders of the plan; what planning denied or skipped is in mapping rows.
    rejected: all that ended as refused, also after an acknowledgement. open: still working.
    """

    planned: int
    denied: int
    not_sent: int
    waiting: int
    submitted: int
    accepted: int
    refused: int
    rejected: int
    unknown: int
    filled: int
    done: int
    open: int


def count_orders(orders: Iterable[OrderFact]) -> RunCounts:
    facts = list(orders)
    sent = [fact for fact in facts if fact.state not in ("planned", "denied", "not_sent")]
    return RunCounts(
        planned=len(facts),
        denied=sum(fact.state == "denied" for fact in facts),
        not_sent=sum(fact.state == "not_sent" for fact in facts),
        waiting=sum(fact.state == "planned" for fact in facts),
        submitted=len(sent),
        accepted=sum(fact.acknowledged and fact.state not in UNRESOLVED for fact in sent),
        refused=sum(not fact.acknowledged and fact.state in REFUSED for fact in sent),
        rejected=sum(fact.state in REFUSED for fact in sent),
        unknown=sum(fact.state in UNRESOLVED for fact in sent),
        filled=sum(fact.state == "filled" for fact in sent),
        done=sum(fact.state in ("filled", "dry_run") for fact in sent),
        open=sum(fact.state not in FINAL and fact.state not in UNRESOLVED for fact in sent),
    )


def unequal(counts: RunCounts) -> str | None:
    """Return which of the two equations of the books does not hold, or None."""
    parts = counts.denied + counts.not_sent + counts.waiting + counts.submitted
    if counts.planned != parts:
        return f"planned {counts.planned}, but denied + not sent + waiting + submitted = {parts}"
    parts = counts.accepted + counts.refused + counts.unknown
    if counts.submitted != parts:
        return f"submitted {counts.submitted}, but acknowledged + refused + unknown = {parts}"
    return None


def changes_wanted(rows: Iterable[tuple[str, str | None]]) -> int:
    """Count the mapping rows, as (outcome, reason), that wanted a change: the band and small amounts do not."""
    return sum(outcome != "unchanged" and reason not in NO_CHANGE_WANTED | UNDECIDED for outcome, reason in rows)


def changes_undecided(rows: Iterable[tuple[str, str | None]]) -> int:
    """Count the mapping rows, as (outcome, reason), of holdings that no decision came for."""
    return sum(reason in UNDECIDED for _, reason in rows)


_NOT_SENT = {"denied": "denied", "not_sent": "not sent", "skipped": "skipped"}


def why_not_sent(orders: Iterable[tuple[str, str | None]], rows: Sequence[tuple[str, str | None]]) -> list[str]:
    """Say for each way of not being sent how many of the changes wanted ended so, and why, the most frequent first.

    orders: state and reason of the plan's orders. rows: outcome and reason of the mapping rows.
    """
    found: dict[str, Counter[str]] = {}
    for outcome, reason in (*orders, *rows):
        if outcome in _NOT_SENT and reason not in NO_CHANGE_WANTED:
            found.setdefault(outcome, Counter())[reason or "no reason given"] += 1
    wanted = changes_wanted(rows)
    return [
        f"{sum(counted.values())} of {wanted} orders {_NOT_SENT[outcome]}: "
        + ", ".join(f"{reason} {number}" for reason, number in counted.most_common())
        for outcome, counted in found.items()
    ]


def run_status(
    *, sends: bool, mapped: bool, wanted: int, ordered: int, counts: RunCounts, broken: bool, undecided: int = 0
) -> RunStatus:
    """Return a run's status. Source: architecture, section 6.

    mapped: every symbol was looked at. wanted: mapping rows that wanted a change; ordered: those that became orders.
    broken: a break was found. undecided: holdings that no decision came for; they make no run fail, and none whole.
    """
    if not mapped or broken or counts.unknown:
        return "failed"
    whole: RunStatus = "partial" if undecided else "completed"
    if wanted == 0:
        return whole
    if not sends:
        return whole if ordered else "failed"
    if counts.accepted == 0:
        return "failed"
    return whole if counts.done == wanted else "partial"
