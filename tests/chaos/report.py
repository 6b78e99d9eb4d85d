"""What the proof prints and writes: docs/reliability.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.scenario import Result


def print_failure(result: Result) -> None:
    if result.verdict.problems:
        print(f"\nFAILED {result.case.command}", file=sys.stderr)
        for problem in result.verdict.problems:
            print(f"  {problem}", file=sys.stderr)


def table(results: Sequence[Result]) -> list[str]:
    lines = [
        "| fault | runs | kills | orders | doubled | lost | surfaced | failed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        own = [result for result in results if result.case.fault == fault.name]
        if own:
            v = [result.verdict for result in own]
            numbers = [
                len(own),
                *(sum(getattr(one, name) for one in v) for name in ("kills", "orders", "doubled", "lost", "surfaced")),
                sum(bool(one.problems) for one in v),
            ]
            lines.append(f"| {fault.name} | {' | '.join(map(str, numbers))} |")
    return lines


def print_table(results: Sequence[Result]) -> None:
    print("\n".join(table(results)))
    print(
        f"{sum(r.seconds for r in results):.0f} s of scenarios, {sum(r.seconds for r in results) / len(results):.2f} s each"
    )


def write_report(results: Sequence[Result], seeds: int) -> None:
    del results, seeds
