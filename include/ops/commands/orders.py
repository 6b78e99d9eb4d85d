"""The command `orders`: the orders of the ledger, with what happened to each."""

from __future__ import annotations

import argparse

from include.execution.duty import account as operations
from include.ops import printing
from include.ops.arguments import day, whole_number
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL
from include.trading.numbers import shares
from include.trading.order.states import STATES


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--account")
    command.add_argument("--session", type=day, metavar="YYYY-MM-DD")
    command.add_argument("--state", nargs="+", choices=sorted(STATES), metavar="STATE", help=", ".join(sorted(STATES)))
    command.add_argument("--limit", type=whole_number, default=100, metavar="N", help="at most so many; by default 100")
    command.add_argument("--events", action="store_true", help="everything that happened to each")


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = None if given.account is None else place.account(ledger, given.account)
        found = operations.orders(ledger, account=account, session=given.session, states=given.state, limit=given.limit)
    if given.json:
        print(printing.as_json(found))
        return WELL
    headers = ("order", "account", "session", "rev", "mode", "what", "filled", "at", "state", "attempts", "why")
    rows = [
        (
            each.order.client_order_id,
            each.order.account,
            each.session,
            each.revision,
            each.order.mode,
            f"{each.order.words}",
            shares(each.order.filled_quantity),
            each.order.filled_avg_price,
            each.order.state,
            each.order.attempt,
            each.order.message or each.order.reason or "",
        )
        for each in found
    ]
    print(printing.table(headers, rows) if rows else "no orders")
    if given.events:
        for each in found:
            print(f"\n{each.order.client_order_id} {each.order.words}")
            for event in each.events:
                states = f"{event['from_state'] or ''} → {event['to_state']}"
                print(
                    f"  {event['at']:%Y-%m-%d %H:%M:%S} UTC  {event['event']}  {states}  by {event['actor']}"
                    f"  {event['detail'] or ''}".rstrip()
                )
    return WELL


COMMAND = Command("orders", "list orders, newest first", arguments, run=run)
