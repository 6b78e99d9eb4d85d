"""The command `corrections`: what was corrected on an account."""

from __future__ import annotations

import argparse

from include.ops import printing
from include.ops.arguments import whole_number
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--account", help="needed when there are several")
    command.add_argument("--limit", type=whole_number, default=100, metavar="N", help="at most so many; by default 100")


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        found = ledger.corrections.of_account(account, limit=given.limit)
    if given.json:
        print(printing.as_json(found))
        return WELL
    rows = [
        (
            each.id,
            each.at,
            each.strategy_id,
            each.symbol,
            each.kind if each.undoes is None else f"undo of {each.undoes}",
            ", ".join(f"{name} {value}" for name, value in each.detail.items()),
            "yes" if each.against_gateway else "no",
            each.actor,
            each.reason,
        )
        for each in found
    ]
    headers = ("correction", "at", "strategy", "symbol", "kind", "what", "against gateway", "by", "reason")
    print(printing.table(headers, rows) if rows else f"nothing was corrected on account {account}")
    return WELL


COMMAND = Command("corrections", "list what was corrected, newest first", arguments, run=run)
