"""The command `replan`: a plan made again from what was kept of it."""

from __future__ import annotations

import argparse
from uuid import UUID

from include.execution.duty.replan import replan
from include.ops import printing
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import NEEDS_A_PERSON, WELL


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--run", required=True, type=UUID, metavar="RUN_ID", dest="run_id", help="of the ledger")


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        found = replan(ledger, given.run_id)
    if given.json:
        print(printing.as_json(found))
    elif found.differences:
        headers = ("symbol", "leg", "what", "decided", "again")
        rows = [(each.symbol, each.leg, each.what, each.decided, each.again) for each in found.differences]
        print(printing.table(headers, rows))
        print(f"{len(rows)} differences in {found.rows} rows, from the same inputs (sha256 {found.sha256})")
    else:
        print(f"the plan is the same to the share: {found.rows} rows, made from sha256 {found.sha256}")
    return NEEDS_A_PERSON if found.differences else WELL


COMMAND = Command("replan", "make a plan again from what was kept of it, and compare", arguments, run=run)
