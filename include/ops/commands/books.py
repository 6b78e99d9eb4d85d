"""The command `books`: what the DAG `daily_books` does, for when Airflow does not run."""

from __future__ import annotations

import argparse

from include.execution.results.close_day import Closed
from include.execution.results.look import close_account
from include.ops import printing
from include.ops.arguments import add_by
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import InvalidData
from include.trading.strategy.spec import Strategy


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--account", help="by default every account of the ledger")
    add_by(command)


def run(place: Place, given: argparse.Namespace) -> int:
    whole, actor = Closed(), actor_named(given.by)
    if not actor.strip():
        raise InvalidData("--by: expected your name, got nothing: it is kept with each day")
    with place.ledger() as ledger:
        accounts = [row.account for row in ledger.accounts.all()]
        if given.account is not None:
            accounts = [place.account(ledger, given.account)]
        for account in accounts:
            found = close_account(ledger, place.assembly, account, _strategies(place), actor=actor)
            whole.days += found.days
            whole.accounts += found.accounts
            whole.problems += found.problems
    if given.json:
        print(printing.as_json(whole))
    else:
        for line in [*whole.days, *whole.accounts]:
            print(f"closed: {line}")
        for line in whole.problems:
            print(f"problem: {line}")
        if not whole.days and not whole.problems:
            print("no book was due")
    return NEEDS_A_PERSON if whole.problems else WELL


def _strategies(place: Place) -> tuple[Strategy, ...]:
    try:
        return place.strategies.strategies
    except InvalidData:
        # A book is closed with what its newest run kept of its strategy.
        return ()


COMMAND = Command("books", "close the books of the sessions that are over, without Airflow", arguments, run=run)
