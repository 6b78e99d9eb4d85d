"""The command `audit`: the promise checked rule by rule from what was recorded and from the gateway's own word."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from include.execution.duty.audit import Audit, audit
from include.ledger.ledger import Ledger
from include.ops import printing
from include.ops.arguments import add_sessions
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import NEEDS_A_PERSON, NOT_DONE, WELL
from include.trading.errors import InvalidData
from include.trading.ports import VenueReader

LONGEST_LIST = 20


def arguments(command: argparse.ArgumentParser) -> None:
    add_sessions(command)
    command.add_argument("--account", help="by default every account of the ledger")
    command.add_argument("--whole", action="store_true", help="list all that is not provable, not the first 20")


def run(place: Place, given: argparse.Namespace) -> int:
    if given.first > given.last:
        raise InvalidData(f"--from {given.first}: expected a day no later than --to {given.last}")
    with place.ledger() as ledger:
        if given.account is None:
            accounts = [row.account for row in ledger.accounts.all()]
        else:
            accounts = [place.account(ledger, given.account)]
        done = [_audit(place, ledger, account, given) for account in accounts]
    if given.json:
        print(printing.as_json(done))
    else:
        for each in done:
            _tell(each, whole=given.whole)
        if not done:
            print("the ledger has no account: there is nothing to audit")
    if any(each.count("violation") for each in done):
        return NEEDS_A_PERSON
    return NOT_DONE if any(each.not_asked for each in done) else WELL


def _audit(place: Place, ledger: Ledger, account: str, given: argparse.Namespace) -> Audit:
    with ExitStack() as opened:
        gateway: VenueReader | InvalidData
        try:
            venue = place.venues(ledger).venue(account)
        except InvalidData as error:
            gateway = error
        else:
            gateway = opened.enter_context(venue.reader(correlation_id="audit"))
        return audit(ledger, gateway, account, given.first, given.last)


def _tell(done: Audit, *, whole: bool) -> None:
    print(f"account {done.account}: {done.orders} orders")
    headers = ("rule", "checked", "violations", "resolved", "not provable", "promise")
    rows = [
        (
            result.rule,
            result.checked,
            result.count("violation"),
            result.count("resolved"),
            result.count("not_provable"),
            result.promise,
        )
        for result in done.results
    ]
    print(printing.table(headers, rows))
    for outcome, title in (("violation", "VIOLATION"), ("resolved", "resolved"), ("not_provable", "not provable")):
        found = [
            f"{title}, {result.rule}: {finding.subject}: {finding.words}"
            for result in done.results
            for finding in result.findings
            if finding.outcome == outcome
        ]
        shown = found if whole or outcome == "violation" else found[:LONGEST_LIST]
        print("\n".join(shown), end="\n" if shown else "")
        if len(shown) < len(found):
            print(f"  and {len(found) - len(shown)} more {title}: --whole shows them")
    if done.not_asked:
        print(f"not asked: {done.not_asked}")
    print()


COMMAND = Command("audit", "check the promise rule by rule, from what was recorded and the gateway", arguments, run=run)
