"""The command `migrate`: bring the ledger's tables to the newest version."""

from __future__ import annotations

import argparse

from include.ledger.connection import url_from_environment
from include.ledger.grants import grant
from include.ledger.migrations import migrate
from include.ops.arguments import name
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--grant", type=name, metavar="ROLE", help="the database role of tasks: gets what they need, no more"
    )


def run(place: Place, given: argparse.Namespace) -> int:
    url = url_from_environment(place.environ)
    print(f"the ledger is at version {migrate(url)}")
    if given.grant is not None:
        grant(url, given.grant)
        print(f"role {given.grant} may do what tasks need")
    return WELL


COMMAND = Command("migrate", "bring the ledger's tables to the newest version", arguments, run=run, prints_json=False)
