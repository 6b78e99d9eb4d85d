"""python -m tests.chaos: the proof that an order is never sent twice and never lost, whatever fails."""

from __future__ import annotations

import argparse
import sys

from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.lanes import run_cases
from tests.chaos.report import print_failure, print_table, write_report
from tests.chaos.scenario import case_of
from tests.chaos.stage import KILL_POINTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=24, help=f"scenarios a fault; {len(KILL_POINTS)} cover every point"
    )
    parser.add_argument("--seed", type=int, help="only this one; prints what happened")
    parser.add_argument("--fault", choices=BY_NAME, metavar="NAME", help="only this one: " + "; ".join(BY_NAME))
    parser.add_argument("--point", choices=KILL_POINTS, help="where the first worker dies; else drawn")
    parser.add_argument("--contract", choices=("v1", "v2"))
    parser.add_argument("--mutations", action="store_true", help="break one guard after the other: each must be caught")
    parser.add_argument("--lanes", type=int, default=4, help="scenarios at the same time")
    given = parser.parse_args()
    if given.mutations:
        from tests.chaos.mutations import run_mutations

        return run_mutations()
    faults = [BY_NAME[given.fault]] if given.fault else FAULTS
    seeds = [given.seed] if given.seed is not None else range(given.seeds)
    cases = [
        case_of(fault, seed, given.contract, given.point)
        for seed in seeds
        for fault in faults
        if given.contract is None or given.contract in fault.contracts
    ]
    results = run_cases(cases, lanes=min(given.lanes, len(cases)), report=lambda r: print_failure(r))
    print_table(results)
    if given.seed is not None and len(results) == 1:
        print("\n".join(results[0].log))
    if not given.fault and given.contract is None and given.point is None and given.seed is None:
        write_report(results, given.seeds)
    return 1 if any(result.verdict.problems for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
