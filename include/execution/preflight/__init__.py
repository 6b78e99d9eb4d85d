"""Look at everything the next run needs, without writing anything: what is, and what would stop it."""

from __future__ import annotations

from datetime import datetime

from include.execution.assembly import Assembly
from include.execution.preflight.finding import Finding, about
from include.execution.preflight.gateways import check_gateway_connection
from include.execution.preflight.strategies import check_strategy
from include.ledger.identity import restored
from include.ledger.ledger import Ledger
from include.ledger.migrations import NEWEST
from include.trading.errors import TradingError
from include.trading.strategy.file import StrategyFile
from include.trading.strategy.spec import Strategy


def check(
    ledger: Ledger | TradingError,
    strategies: StrategyFile | TradingError,
    assembly: Assembly,
    now: datetime,
) -> list[Finding]:
    """Return what was found, by subject. A service that does not answer is a finding, never an error.

    ledger, strategies: what was opened and read, or why that failed.
    """
    of_ledger, of_file = about("ledger"), about("strategies file")
    if isinstance(ledger, TradingError):
        findings = [of_ledger("version", str(ledger), "repair it: without the ledger nothing is sent")]
    else:
        findings = [of_ledger("version", NEWEST)]
        if (why := restored(ledger.connection)) is not None:
            over = "new accounts start halted until: python -m include.ops restored --over --reason …"
            findings.append(of_ledger("restored", f"{why} ({over})"))
    if isinstance(strategies, TradingError):
        return [*findings, of_file("file", str(strategies), "repair the file, or correct TRADING_STRATEGIES_FILE")]
    for problem in strategies.problems:
        step = f"correct the entry in {problem.file}: until then it has no DAG"
        findings.append(of_file(f"entry {problem.entry}", str(problem.problem), step))
    if not strategies.strategies:
        findings.append(of_file("strategies", "none", "add a strategy to the file"))
    by_gateway: dict[str, list[Strategy]] = {}
    for strategy in strategies.strategies:
        by_gateway.setdefault(strategy.venue, []).append(strategy)
        findings += check_strategy(strategy, assembly, now)
    opened = None if isinstance(ledger, TradingError) else ledger
    for connection_id, traded in by_gateway.items():
        findings += check_gateway_connection(connection_id, traded, assembly, opened, now)
    return findings


def blockers(findings: list[Finding]) -> list[Finding]:
    """Return what would stop the next run, or a part of it."""
    return [finding for finding in findings if finding.next_step is not None]
