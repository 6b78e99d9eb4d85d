"""What the proof prints, and the tables that it writes into docs/reliability.md."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import FAULTS
from tests.chaos.mutations import Mutation
from tests.chaos.scenario import Result

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
COLUMNS = ("kills", "orders", "doubled", "lost", "surfaced")


@dataclass(frozen=True)
class Caught:
    """What became of a mutation's seeds with the guard in place, and without it."""

    mutation: Mutation
    with_guard: list[Result]
    without: list[Result]

    @property
    def seeds(self) -> list[int]:
        return [result.case.seed for result in self.without if result.verdict.problems]

    @property
    def is_caught(self) -> bool:
        return bool(self.seeds) and not any(result.verdict.problems for result in self.with_guard)


def print_failure(result: Result) -> None:
    if result.verdict.problems:
        print(f"\nFAILED {result.case.command}", file=sys.stderr)
        for problem in result.verdict.problems:
            print(f"  {problem}", file=sys.stderr, flush=True)


def scenario_table(results: Sequence[Result]) -> list[str]:
    """Return the table: fault × runs × workers killed × orders × doubled × lost × surfaced × failed scenarios."""
    lines = [
        "| fault | runs | workers killed | orders | doubled | lost | surfaced | to be surfaced | failed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for fault in FAULTS:
        if own := [result for result in results if result.case.fault == fault.name]:
            lines.append(_row(fault.name, own))
    return [*lines, _row("**all**", results)]


def _row(name: str, results: Sequence[Result]) -> str:
    verdicts = [result.verdict for result in results]
    numbers = [
        len(verdicts),
        *(sum(getattr(verdict, column) for verdict in verdicts) for column in COLUMNS),
        sum(verdict.must_surface for verdict in verdicts),
        sum(bool(verdict.problems) for verdict in verdicts),
    ]
    return f"| {name} | {' | '.join(map(str, numbers))} |"


def mutation_table(caught: Iterable[Caught]) -> list[str]:
    lines = ["| guard broken | fault | venue | caught by seeds | first sign |", "|---|---|---|---|---|"]
    for one in caught:
        first = next(
            (result.verdict.problems[0] for result in one.without if result.verdict.problems), "**not caught**"
        )
        if broken := [result for result in one.with_guard if result.verdict.problems]:
            first = f"fails with the guard as well: {broken[0].case.command}"
        seeds = ", ".join(map(str, one.seeds)) or "none"
        sign = re.split(r"[:(]", first.removeprefix("AssertionError: "))[0].strip()
        lines.append(f"| {one.mutation.name} | {one.mutation.fault} | {one.mutation.venue} | {seeds} | {sign} |")
    return lines


def write(
    results: Sequence[Result], caught: Sequence[Caught], *, seeds: int, played: int, seconds: float, lanes: int
) -> None:
    """Replace the page's old tables by these.

    played: how many scenarios took so many seconds, those for the mutations among them.
    """
    text = PAGE.read_text(encoding="utf-8")
    if results:
        ran = f"`make chaos SEEDS={seeds}`: {len(results)} scenarios"
        if played > len(results):
            ran += f" and {played - len(results)} for the guards below"
        ran += f", in {seconds / 60:.0f} minutes on {lanes} lanes."
        text = _replaced(text, "scenarios", [ran, "", *scenario_table(results)])
    if caught:
        text = _replaced(text, "mutations", mutation_table(caught))
    PAGE.write_text(text, encoding="utf-8")


def _replaced(text: str, block: str, lines: Sequence[str]) -> str:
    begin, end = f"<!-- {block} -->", f"<!-- end of {block} -->"
    before, rest = text.split(begin)
    return f"{before}{begin}\n" + "\n".join(lines) + f"\n{end}{rest.split(end)[1]}"
