"""The command `prune`: old closes and what old plans were made from; never a plan, an order or an event."""

from __future__ import annotations

import argparse

from include.ops import printing
from include.ops.arguments import day
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--before", required=True, type=day, metavar="YYYY-MM-DD", help="sessions from this day on stay whole"
    )


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger, ledger.transaction():
        removed = {
            "sessions of closes": ledger.closes.prune(given.before),
            "inputs of plans": ledger.plan_inputs.prune(given.before),
        }
    if given.json:
        print(printing.as_json(removed))
    else:
        print(f"before {given.before}, removed: " + ", ".join(f"{count} {what}" for what, count in removed.items()))
    return WELL


COMMAND = Command(
    "prune", "remove old closes and what old plans were made from; as the tables' owner", arguments, run=run
)
