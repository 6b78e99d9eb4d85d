"""What the history checker returns: by rule, how much was looked at, what breaks it and what cannot be proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from include.trading.audit.history import AccountHistory, GatewayWords, OrderHistory

Outcome = Literal["violation", "resolved", "not_provable"]


@dataclass(frozen=True)
class Finding:
    """One thing about one order or symbol.

    resolved: it breaks the rule, and a person has ended the break that said so.
    """

    subject: str
    words: str
    outcome: Outcome = "violation"


@dataclass(frozen=True)
class RuleResult:
    """A rule and all that was found against it. checked: orders or lines of the book looked at."""

    rule: str
    promise: str
    checked: int
    findings: tuple[Finding, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(finding.outcome == outcome for finding in self.findings)


OrderRule = Callable[[OrderHistory, AccountHistory], Iterator[str]]
Against = Callable[[OrderHistory, GatewayWords], Iterator[Finding]]
BookRule = Callable[[AccountHistory, GatewayWords], Iterator[Finding]]


def not_provable(subject: str, words: str) -> Finding:
    return Finding(subject, words, "not_provable")
