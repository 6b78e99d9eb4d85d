"""The command `adopt`: take a position that is not ours as the account's baseline."""

from __future__ import annotations

import argparse

from include.execution.duty import account as operations
from include.ops import printing
from include.ops.arguments import add_reason, quantity
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.account.corrections import parse_symbol
from include.trading.numbers import shares


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    command.add_argument("--symbol", required=True)
    command.add_argument(
        "--quantity", type=quantity, help="signed shares; by default all that our fills do not explain"
    )
    command.add_argument("--not-ours", action="store_true", help="also in a symbol that a strategy holds")


def run(place: Place, given: argparse.Namespace) -> int:
    symbol = parse_symbol(given.symbol)
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        ledger.accounts.ensure(account)
        with place.desk(ledger, account, actor_named(given.by)) as desk:
            done = operations.adopt(
                desk,
                account,
                symbol,
                reason=given.reason,
                quantity=given.quantity,
                not_ours=given.not_ours,
            )
    rest = done.gateway - done.baseline - done.fills
    if given.json:
        print(printing.as_json(done))
    else:
        print(
            f"{done.symbol} of account {account}: baseline {shares(done.baseline)}, was {shares(done.baseline_before)}"
            f"; the gateway holds {shares(done.gateway)}, our strategies {shares(done.fills)}"
            + (f"; {shares(rest)} shares stay unexplained" if rest else "; the books agree")
        )
    return NEEDS_A_PERSON if rest else WELL


COMMAND = Command("adopt", "take a position that is not ours as the account's baseline", arguments, run=run)
