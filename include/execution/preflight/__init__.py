"""Look at everything the next run needs, without writing anything: what is, and what would stop it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
    opened = None if isinstance(ledger, TradingError) else ledger
    return [*findings, *_of_strategies(strategies.strategies, assembly, opened, now)]


def _of_strategies(
    strategies: Sequence[Strategy], assembly: Assembly, ledger: Ledger | None, now: datetime
) -> Iterator[Finding]:
    by_gateway: dict[str, list[Strategy]] = {}
    symbols: dict[str, Collection[str] | None] = {}
    for strategy in strategies:
        by_gateway.setdefault(strategy.venue, []).append(strategy)
        symbols[strategy.id] = yield from check_strategy(strategy, assembly, now)
    yield from not_alone(strategies, assembly)
    for connection_id, traded in by_gateway.items():
        yield from check_gateway_connection(connection_id, traded, symbols, assembly, ledger, now)


def not_alone(strategies: Sequence[Strategy], assembly: Assembly) -> Iterator[Finding]:
    """Tell of strategies that trade whatever their signals name on an account that others trade on too.

    The file is refused where they share a connection; two connections may lead to one account.
    """
    by_account: dict[str, list[Strategy]] = {}
    for strategy in strategies:
        try:
            account = assembly.venue(strategy.venue).account
        except TradingError:
            continue
        by_account.setdefault(account, []).append(strategy)
    for account, sharing in by_account.items():
        for strategy in sharing:
            others = ", ".join(other.id for other in sharing if other is not strategy)
            if not strategy.symbols and others:
                note = about(f"strategy {strategy.id}")
                words = f"whatever its signals name, on account {account}, which {others} trades on too"
                yield note("account", words, "give it symbols, or an account of its own")


def blockers(findings: list[Finding]) -> list[Finding]:
    """Return what would stop the next run, or a part of it."""
    return [finding for finding in findings if finding.next_step is not None]
