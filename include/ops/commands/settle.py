"""The command `settle`: end orders by a person's word."""

from __future__ import annotations

import argparse

from include.execution.duty.settlement import OUTCOMES, Verdict, settle, unresolved
from include.ops import printing
from include.ops.arguments import add_reason, price, quantity
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import InvalidData


def arguments(command: argparse.ArgumentParser) -> None:
    add_reason(command)
    command.add_argument("order", nargs="*", help="client order ids")
    command.add_argument("--all", action="store_true", help="every order of the account without a known outcome")
    command.add_argument("--outcome", required=True, choices=OUTCOMES)
    command.add_argument("--quantity", type=quantity, help="shares filled in all; by default all of a filled order")
    command.add_argument("--price", type=price, help="USD a share, the average of what filled")
    command.add_argument("--gateway-silent", action="store_true", help="also when the gateway does not answer")


def run(place: Place, given: argparse.Namespace) -> int:
    if bool(given.order) == given.all:
        raise InvalidData("settle: expected either client order ids or --all")
    verdict = Verdict(given.outcome, given.reason, quantity=given.quantity, price=given.price)
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        with place.desk(ledger, account, actor_named(given.by)) as desk:
            ids = unresolved(desk, account) if given.all else given.order
            done = settle(desk, account, ids, verdict, gateway_silent=given.gateway_silent)
    if given.json:
        print(printing.as_json(done))
    elif not done.orders:
        print(f"account {account} has no order without a known outcome")
    else:
        rows = [
            (each.client_order_id, each.symbol, "yes" if each.settled else "no", each.state, each.words)
            for each in done.orders
        ]
        print(printing.table(("order", "symbol", "settled", "state", "why"), rows))
        for line in done.runs:
            print(f"run counted again: {line}")
    return WELL if all(each.settled for each in done.orders) else NEEDS_A_PERSON


COMMAND = Command("settle", "end orders whose outcome cannot be learned, by your word", arguments, run=run)
