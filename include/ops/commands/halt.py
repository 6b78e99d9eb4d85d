"""The command `halt`: stop sending on an account."""

from __future__ import annotations

import argparse
import sys

from include.execution.duty import account as operations
from include.ops import printing
from include.ops.arguments import add_reason
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import TradingError


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    command.add_argument("--cancel-open", action="store_true", help="and cancel its open orders (not at a v1 gateway)")


def run(place: Place, given: argparse.Namespace) -> int:
    actor, left = actor_named(given.by), False
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        ledger.accounts.ensure(account)
        row = operations.halt(ledger, account, actor=actor, reason=given.reason)
        if not given.json:
            print(f"account {account} is halted: nothing more is sent until it is resumed")
        cancellations: list[operations.Cancellation] = []
        if given.cancel_open:
            try:
                with place.desk(ledger, account, actor) as desk:
                    cancellations = operations.cancel_open(desk, account, reason=given.reason)
            except TradingError as error:
                print(error, file=sys.stderr)
                left = True
    if given.json:
        print(printing.as_json({"account": row, "cancellations": cancellations}))
    elif cancellations:
        rows = [(each.client_order_id, each.symbol, "yes" if each.done else "no", each.words) for each in cancellations]
        print(printing.table(("order", "symbol", "over", "what happened"), rows))
    return NEEDS_A_PERSON if left or not all(each.done for each in cancellations) else WELL


COMMAND = Command("halt", "stop sending on an account, at once", arguments, run=run)
