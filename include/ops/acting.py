"""The commands that change something: settle, adopt, halt, resume, rebind, restored, migrate."""

from __future__ import annotations

import argparse
import sys

from include.execution.duty import account as operations
from include.execution.duty.rebinding import rebind
from include.execution.duty.settlement import Verdict, settle, unresolved
from include.execution.steps.positions import shares
from include.ledger.connection import url_from_environment
from include.ledger.grants import grant
from include.ledger.identity import end_restored, halt_as_restored
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
            print(f"run counted again: {line}")
    return WELL if all(each.settled for each in done.orders) else NEEDS_A_PERSON


def run_adopt(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        with place.desk(ledger, account, actor_named(arguments.by)) as desk:
            done = operations.adopt(
                desk,
                account,
                arguments.symbol,
                reason=arguments.reason,
                quantity=arguments.quantity,
                not_ours=arguments.not_ours,
            )
    rest = done.gateway - done.baseline - done.fills
    if arguments.json:
        print(printing.as_json(done))
    else:
        print(
            f"{done.symbol} of account {account}: baseline {shares(done.baseline)}, was {shares(done.baseline_before)}"
            f"; the gateway holds {shares(done.gateway)}, our strategies {shares(done.fills)}"
            + (f"; {shares(rest)} shares stay unexplained" if rest else "; the books agree")
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


def run_restored(place: Place, arguments: argparse.Namespace) -> int:
    actor = actor_named(arguments.by)
    with place.ledger() as ledger:
        if arguments.over:
            names = end_restored(ledger.connection, ledger.accounts, actor=actor, reason=arguments.reason)
            print(f"new accounts start active again; halted still: {', '.join(names) or 'none'}")
            return NEEDS_A_PERSON if names else WELL
        names = halt_as_restored(ledger.connection, ledger.accounts, actor=actor, reason=arguments.reason)
    print(f"halted until resumed: {', '.join(names) or 'the ledger has no account, nothing'}")
    return WELL


def run_rebind(place: Place, arguments: argparse.Namespace) -> int:
    with place.ledger() as ledger:
        account = place.account(ledger, arguments.account)
        venue = place.venues().get(account)
        done = rebind(
            ledger,
            account,
            None if venue is None else venue.connection.address,
            same_account=arguments.same_account,
            actor=actor_named(arguments.by),
            reason=arguments.reason,
        )
    if arguments.json:
        print(printing.as_json(done))
        return WELL
    where = done.account.gateway_address or "no gateway yet: the first contact decides"
    ended = f", {len(done.not_sent)} planned orders are not sent" if done.not_sent else ""
    print(f"account {account} {'now belongs' if done.changed else 'belongs, as before,'} to {where}{ended}")
    return WELL


def run_migrate(place: Place, arguments: argparse.Namespace) -> int:
    url = url_from_environment(place.environ)
    print(f"the ledger is at version {migrate(url)}")
    if arguments.grant:
        grant(url, arguments.grant)
        print(f"role {arguments.grant} may do what tasks need")
    return WELL
