"""The commands that change something: settle, adopt, halt, resume, migrate."""

from __future__ import annotations

import argparse
import sys

from include.execution import operations
from include.execution.settling import Verdict, settle, unresolved
from include.ledger.connection import url_from_environment
from include.ledger.migrations import migrate
from include.ops import printing
from include.ops.place import Place, actor_named
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import InvalidData, TradingError


def run_settle(place: Place, arguments: argparse.Namespace) -> int:
    if bool(arguments.order) == arguments.all:
        raise InvalidData("settle: expected either client order ids or --all")
    verdict = Verdict(arguments.outcome, arguments.reason, quantity=arguments.quantity, price=arguments.price)
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        with place.desk(ledger, account, actor_named(arguments.by)) as desk:
            ids = unresolved(desk, account) if arguments.all else arguments.order
            done = settle(desk, account, ids, verdict, gateway_silent=arguments.gateway_silent)
    if arguments.json:
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
            print(f"run counted anew: {line}")
    return WELL if all(each.settled for each in done.orders) else NEEDS_A_PERSON


def run_adopt(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        with place.desk(ledger, account, actor_named(arguments.by)) as desk:
            done = operations.adopt(
                desk, account, arguments.symbol, reason=arguments.reason, quantity=arguments.quantity
            )
    rest = done.gateway - done.baseline - done.fills
    if arguments.json:
        print(printing.as_json(done))
    else:
        print(
            f"{done.symbol} of account {account}: baseline {done.baseline:f}, was {done.baseline_before:f}; the "
            f"gateway holds {done.gateway:f}, our fills are {done.fills:f}"
            + (f"; {rest:f} shares stay unexplained" if rest else "; the books agree")
        )
    return NEEDS_A_PERSON if rest else WELL


def run_halt(place: Place, arguments: argparse.Namespace) -> int:
    actor, left = actor_named(arguments.by), False
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        ledger.accounts.ensure(account)
        row = operations.halt(ledger, account, actor=actor, reason=arguments.reason)
        if not arguments.json:
            print(f"account {account} is halted: nothing more is sent until it is resumed")
        cancellations: list[operations.Cancellation] = []
        if arguments.cancel_open:
            try:
                with place.desk(ledger, account, actor) as desk:
                    cancellations = operations.cancel_open(desk, account, reason=arguments.reason)
            except TradingError as error:
                print(error, file=sys.stderr)
                left = True
    if arguments.json:
        print(printing.as_json({"account": row, "cancellations": cancellations}))
    elif cancellations:
        rows = [(each.client_order_id, each.symbol, "yes" if each.done else "no", each.words) for each in cancellations]
        print(printing.table(("order", "symbol", "over", "what happened"), rows))
    return NEEDS_A_PERSON if left or not all(each.done for each in cancellations) else WELL


def run_resume(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        done = operations.resume(
            ledger,
            account,
            actor=actor_named(arguments.by),
            reason=arguments.reason,
            breaks=arguments.breaks,
            settings=place.settings,
        )
    if arguments.json:
        print(printing.as_json(done))
    else:
        ended = f", {len(done.breaks)} breaks are resolved" if done.breaks else ""
        why = "" if done.account.state == "active" else f" ({done.account.state_reason})"
        print(f"account {account} is {done.account.state}{why}{ended}")
    return WELL if done.account.state == "active" else NEEDS_A_PERSON


def run_migrate(place: Place, arguments: argparse.Namespace) -> int:
    print(f"the ledger is at version {migrate(url_from_environment(place.environ))}")
    return WELL
