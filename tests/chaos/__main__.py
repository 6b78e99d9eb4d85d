"""python -m tests.chaos: the proof that an order is never sent twice and never lost, whatever fails."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

from tests.chaos import mutations, report
from tests.chaos.fault import VENUES
from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.lanes import run_cases
from tests.chaos.scenario import Case, Result, case_of
from tests.chaos.stage import KILL_POINTS


def main() -> int:
    given = _parser().parse_args()
    began = time.monotonic()
    cases = _cases(given)
    broken = _broken_cases() if given.mutations else []
    whole = [replace(case, mutation=None) for case in broken]
    # In one go: a lane takes seconds to start.
    played = run_cases(
        [*dict.fromkeys([*cases, *whole]), *broken],
        lanes=given.lanes,
        report=lambda result: None if result.case in broken else report.print_failure(result),
    )
    seconds = time.monotonic() - began
    by_case = {result.case: result for result in played}
    results = [by_case[case] for case in cases]
    caught = _caught(by_case) if broken else []
    if results:
        print("\n".join(report.scenario_table(results)))
    if given.seed is not None and len(results) == 1:
        print("\n".join(results[0].log))
    if caught:
        print("\n".join(report.mutation_table(caught)))
    print(f"{len(played)} scenarios in {seconds:.0f} s on {given.lanes} lanes")
    if given.write:
        report.write(results, caught, seeds=given.seeds, played=len(played), seconds=seconds, lanes=given.lanes)
    failed = any(result.verdict.problems for result in results)
    return 1 if failed or not all(one.is_caught for one in caught) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=36, help=f"scenarios a fault; {len(KILL_POINTS)} cover each point")
    parser.add_argument("--seed", type=int, help="only this one; prints what happened")
    parser.add_argument("--fault", choices=BY_NAME, metavar="NAME", help="only this one: " + "; ".join(BY_NAME))
    parser.add_argument("--point", choices=KILL_POINTS, help="where the first worker dies; else drawn")
    parser.add_argument("--venue", choices=VENUES, help="a gateway's contract, or alpaca; else drawn")
    parser.add_argument("--mutations", action="store_true", help="then break each guard: every mutation must be caught")
    parser.add_argument("--mutation", choices=mutations.BY_NAME, metavar="NAME", help="with this guard broken")
    parser.add_argument(
        "--lanes", type=int, default=16, help="scenarios at the same time; most of a scenario is waiting"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/reliability.md")
    return parser


def _cases(given: argparse.Namespace) -> list[Case]:
    faults = [BY_NAME[given.fault]] if given.fault else FAULTS
    seeds = range(given.seeds) if given.seed is None else [given.seed]
    return [
        replace(case_of(fault, seed, given.venue, given.point), mutation=given.mutation)
        for seed in seeds
        for fault in faults
        if given.venue is None or given.venue in fault.venues
    ]


def _broken_cases() -> list[Case]:
    return [
        Case(one.fault, seed, one.venue, one.point, mutation=one.name)
        for one in mutations.MUTATIONS
        for seed in one.seeds
    ]


def _caught(results: dict[Case, Result]) -> list[report.Caught]:
    """Return what became of each mutation's seeds without its guard, and with it: only the first may fail."""
    broken = _broken_cases()
    return [
        report.Caught(
            mutation,
            with_guard=[results[replace(case, mutation=None)] for case in broken if case.mutation == mutation.name],
            without=[results[case] for case in broken if case.mutation == mutation.name],
        )
        for mutation in mutations.MUTATIONS
    ]


if __name__ == "__main__":
    sys.exit(main())
