"""The command `restored`: halt every account, after a backup of the ledger was brought back."""

from __future__ import annotations

import argparse

from include.execution.duty.account import check_words
from include.ledger.identity import end_restored, halt_as_restored
from include.ops.arguments import add_by
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", required=True, help="kept with what is done")
    command.add_argument(
        "--over", action="store_true", help="the books are compared: accounts made from now on start active again"
    )
    add_by(command)


def run(place: Place, given: argparse.Namespace) -> int:
    actor = actor_named(given.by)
    check_words(actor, given.reason)
    with place.ledger() as ledger:
        if given.over:
            names = end_restored(ledger.connection, ledger.accounts, actor=actor, reason=given.reason)
            print(f"new accounts start active again; halted still: {', '.join(names) or 'none'}")
            return NEEDS_A_PERSON if names else WELL
        names = halt_as_restored(ledger.connection, ledger.accounts, actor=actor, reason=given.reason)
    print(f"halted until resumed: {', '.join(names) or 'the ledger has no account, nothing'}")
    return WELL


COMMAND = Command(
    "restored",
    "halt every account, after a backup of the ledger was brought back",
    arguments,
    run=run,
    prints_json=False,
)
