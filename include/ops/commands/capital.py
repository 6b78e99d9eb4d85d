"""The command `capital`: record what a person puts into a strategy's own book, or takes out of it."""

from __future__ import annotations

import argparse
from decimal import Decimal

from include.execution.results.flows import record_flow
from include.ledger.ledger import Ledger
from include.ops import printing
from include.ops.arguments import add_reason, usd
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import WELL
from include.trading.errors import InvalidData
from include.trading.results.row import BookKey


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    which = command.add_mutually_exclusive_group(required=True)
    which.add_argument("--in", dest="put_in", type=usd, metavar="USD", help="put in")
    which.add_argument("--out", dest="taken_out", type=usd, metavar="USD", help="taken out")
    command.add_argument("--strategy", metavar="ID", help="needed when the account has several")
    command.add_argument("--mode", choices=("paper", "live"), help="needed when it trades in both")


def run(place: Place, given: argparse.Namespace) -> int:
    amount: Decimal = given.put_in if given.put_in is not None else given.taken_out
    if amount <= 0:
        raise InvalidData(f"capital: expected USD above 0 after --in or --out, got {str(amount)[:50]}")
    with place.ledger() as ledger:
        flow = record_flow(
            ledger,
            _book(ledger, place.account(ledger, given.account), given.strategy, given.mode),
            amount if given.put_in is not None else -amount,
            actor=actor_named(given.by),
            reason=given.reason,
        )
    if given.json:
        print(printing.as_json(flow))
    else:
        print(
            f"{flow.amount:+,.2f} USD for the book of {flow.strategy_id} ({flow.mode}) on {flow.account}: it counts in "
            "the next session that is closed"
        )
    return WELL


def _book(ledger: Ledger, account: str, strategy_id: str | None, mode: str | None) -> BookKey:
    """Return the one book that fits."""
    books = [key for key, _ in ledger.results.keys(account)]
    fitting = [key for key in books if strategy_id in (None, key.strategy_id) and mode in (None, key.mode)]
    if len(fitting) != 1:
        listed = ", ".join(f"{key.strategy_id} ({key.mode})" for key in books) or "none, nothing was planned yet"
        raise InvalidData(
            f"capital: expected --strategy and --mode to name one book of account {account}, {len(fitting)} fit; "
            f"there are {listed}"
        )
    return fitting[0]


COMMAND = Command("capital", "record money put into a strategy's own book, or taken out of it", arguments, run=run)
