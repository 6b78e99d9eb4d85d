"""The command `rebind`: give an account the gateway that its connection names now."""

from __future__ import annotations

import argparse

from include.execution.duty.rebinding import Rebound, rebind
from include.ops import printing
from include.ops.arguments import add_reason
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import WELL
from include.trading.account.venue_identity import RELEASED


def arguments(command: argparse.ArgumentParser) -> None:
    whose = command.add_mutually_exclusive_group(required=True)
    whose.add_argument("--same-account", action="store_true", help="the gateway moved; also with live orders")
    whose.add_argument(
        "--another-account", action="store_true", help="another broker account; needs no live orders and no holdings"
    )
    add_reason(command)


def run(place: Place, given: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, given.account)
        done = rebind(
            ledger,
            account,
            place.venues(ledger).address(account),
            same_account=given.same_account,
            actor=actor_named(given.by),
            reason=given.reason,
        )
    if given.json:
        print(printing.as_json(done))
        return WELL
    if done.account.gateway_address == RELEASED:
        print(f"account {account} {'was taken' if done.changed else 'is, as before,'} off its gateway{_ended(done)}")
        return WELL
    where = done.account.gateway_address or "no gateway yet: the first contact decides"
    print(f"account {account} {'now belongs' if done.changed else 'belongs, as before,'} to {where}{_ended(done)}")
    return WELL


def _ended(done: Rebound) -> str:
    return f", {len(done.not_sent)} planned orders are not sent" if done.not_sent else ""


COMMAND = Command("rebind", "give an account the gateway that its connection names now", arguments, run=run)
