"""`make bench`: measure how fast runs are, print everything, and write the verdicts into docs/performance.md."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from include.launcher.errors import CannotRun
from tests.bench import engine_path, imports, page, pairs
from tests.bench.results import Incomplete, Results
from tests.bench.speed import loop_seconds

SIZES = (5, 50, 500)
PARTS = ("5", "50", "500", "engine", "imports")
QUERY_RUNS = 3


def main() -> int:
    """Return 0 when every run completed, whatever its time; then the page is written, unless a part was left out."""
    given = _parser().parse_args()
    began = page.machine()
    try:
        results = _measured(given)
    except (CannotRun, Incomplete, TimeoutError) as error:
        print(f"\nNot measured: {error}", file=sys.stderr)
        return 1
    text = page.render(results, began, page.settings())
    print(f"\n{text}")
    if not given.no_docs and not given.only:
        page.write(page.brief(results, began))
    return 0


def _measured(given: argparse.Namespace) -> Results:
    results = Results()
    for part in given.only or PARTS:
        print(f"== {page.name_of(part)}", flush=True)
        before = loop_seconds()
        if part == "engine":
            found = engine_path.measure(given.repetitions, given.venues)
            results = replace(results, engine=found.get("gateway"), alpaca=found.get("alpaca"))
        elif part == "imports":
            results = replace(results, imports=imports.measure(given.repetitions))
        else:
            orders = int(part)
            number = getattr(given, f"pairs{orders}")
            results.airflow[orders] = pairs.measure(orders, number, QUERY_RUNS if orders == SIZES[0] else 0)
        results.speed[part] = before, loop_seconds()
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    for orders, pairs_by_default in zip(SIZES, (15, 5, 2), strict=True):
        parser.add_argument(
            f"--pairs{orders}",
            type=_at_least_one,
            default=pairs_by_default,
            metavar="N",
            help=f"pairs of runs with {orders} orders, default {pairs_by_default}",
        )
    parser.add_argument(
        "--repetitions",
        type=_at_least_one,
        default=5,
        metavar="N",
        help="of the engine path and of the imports, default 5",
    )
    parser.add_argument(
        "--venues",
        nargs="+",
        choices=engine_path.VENUES,
        default=["gateway"],
        help="of the engine path, default gateway; both are measured in turn, in the same minutes",
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these; nothing is written into the docs")
    parser.add_argument("--no-docs", action="store_true", help="print the result only")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


if __name__ == "__main__":
    sys.exit(main())
