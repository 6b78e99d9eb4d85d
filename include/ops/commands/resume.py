"""The command `resume`: let a halted account trade again."""

from __future__ import annotations

import argparse

from include.execution.duty import account as operations
from include.ops import printing
from include.ops.arguments import add_reason
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    command.add_argument("--breaks", nargs="+", type=int, default=[], metavar="ID", help="the open breaks it settles")


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        ledger.accounts.ensure(account)
        done = operations.resume(
            ledger,
            account,
            actor=actor_named(given.by),
            reason=given.reason,
            breaks=given.breaks,
            settings=place.settings,
        )
    if given.json:
        print(printing.as_json(done))
    else:
        ended = f", {len(done.breaks)} breaks are resolved" if done.breaks else ""
        why = "" if done.account.state == "active" else f" ({done.account.state_reason})"
        print(f"account {account} is {done.account.state}{why}{ended}")
    return WELL if done.account.state == "active" else NEEDS_A_PERSON


COMMAND = Command("resume", "let a halted account trade again", arguments, run=run)
