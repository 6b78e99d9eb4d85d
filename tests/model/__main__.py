"""python -m tests.model: every state within the bounds, then every guard broken; prints states and counterexamples."""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import get_context
from pathlib import Path

from tests.model.bounds import FULL
from tests.model.guards import AT_ALPACA, GUARDS, REAL
from tests.model.search import Found, search
from tests.model.world import Bounds

RELIABILITY = Path(__file__).parents[2] / "docs" / "reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the tables into docs/reliability.md")
    given = parser.parse_args()
    began = time.monotonic()
    with get_context("fork").Pool(given.processes) as pool:
        whole = pool.map_async(_whole, FULL, chunksize=1)
        broken = pool.map_async(_broken, range(len(GUARDS)), chunksize=1)
        held, caught = whole.get(), broken.get()
    for found in held:
        print(f"{found.bounds.name}: {found.states} states, {found.ends} ends: {found.broken or 'the promise holds'}")
        _print_steps(found)
    for guard, found in zip(GUARDS, caught, strict=True):
        print(f"\nwithout its guard, {guard.name}: {found.broken or 'NOTHING BREAKS'} ({found.states} states)")
        _print_steps(found)
    states = sum(found.states for found in (*held, *caught))
    seconds = time.monotonic() - began
    print(f"\n{states} states in {seconds:.0f} s in {given.processes} processes")
    if given.write:
        _write(held, caught)
    return 1 if any(found.broken for found in held) or not all(found.broken for found in caught) else 0


def _whole(bounds: Bounds) -> Found:
    return search(bounds, AT_ALPACA if bounds.alpaca else REAL)


def _broken(number: int) -> Found:
    """Search without the guard of this number; its functions are known to the forked process and to no pickle."""
    guard = GUARDS[number]
    return search(guard.bounds, guard.rules, guard.sign)


def _print_steps(found: Found) -> None:
    for number, step in enumerate(found.steps, start=1):
        print(f"  {number:2}. {step}")


def _write(held: list[Found], caught: list[Found]) -> None:
    lines = ["| within | states | ends of the session | broken promises |", "|---|---:|---:|---:|"]
    lines += [f"| {found.bounds.name} | {found.states} | {found.ends} | {1 if found.broken else 0} |" for found in held]
    lines += ["", "| guard broken | what breaks first | steps |", "|---|---|---:|"]
    lines += [
        f"| {guard.name} | {found.broken} | {len(found.steps)} |" for guard, found in zip(GUARDS, caught, strict=True)
    ]
    text = RELIABILITY.read_text()
    head, rest = text.split("<!-- model -->\n", 1)
    _, tail = rest.split("<!-- end of model -->", 1)
    RELIABILITY.write_text(f"{head}<!-- model -->\n" + "\n".join(lines) + f"\n<!-- end of model -->{tail}")


if __name__ == "__main__":
    sys.exit(main())
