"""The command `check`: what the next run needs, and what would stop it."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from datetime import UTC, datetime

from include.execution.preflight import blockers, check
from include.ledger.ledger import Ledger
from include.ops import printing
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import TradingError
from include.trading.strategy.file import StrategyFile


def run(place: Place, given: argparse.Namespace) -> int:
    with ExitStack() as opened:
        ledger: Ledger | TradingError
        strategies: StrategyFile | TradingError
        try:
            ledger = opened.enter_context(place.ledger())
        except TradingError as error:
            ledger = error
        try:
            strategies = place.strategies
        except TradingError as error:
            strategies = error
        now = ledger.now() if isinstance(ledger, Ledger) else datetime.now(UTC)
        findings = check(ledger, strategies, place.assembly, now)
    stops = blockers(findings)
    if given.json:
        print(printing.as_json({"findings": findings, "blockers": stops}))
        return NEEDS_A_PERSON if stops else WELL
    width = max(len(finding.name) for finding in findings)
    subject = None
    for finding in findings:
        if finding.subject != subject:
            subject = finding.subject
            print(subject)
        print(f"  {finding.name.ljust(width)}  {finding.value}")
    print("\nwhat would stop tomorrow's run" if stops else "\nwhat would stop tomorrow's run: nothing")
    for stop in stops:
        print(f"  {stop.subject}, {stop.name}: {stop.value}\n    → {stop.next_step}")
    return NEEDS_A_PERSON if stops else WELL


COMMAND = Command("check", "show what the next run needs, and what would stop it", run=run)
