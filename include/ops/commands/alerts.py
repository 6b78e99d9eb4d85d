"""The command `alerts`: the alerts, and a person's word on one."""

from __future__ import annotations

import argparse

from include.execution.duty import account as operations
from include.ops import printing
from include.ops.arguments import add_by, whole_number
from include.ops.command import Command
from include.ops.place import Place, actor_named
from include.ops.printing import WELL
from include.trading.errors import InvalidData


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--all", action="store_true", help="also those that are over")
    command.add_argument("--acknowledge", type=whole_number, metavar="ID", help="you look after it; it stays open")
    command.add_argument(
        "--close", type=whole_number, metavar="ID", help="it is over by your word; if it comes back, it is new"
    )
    command.add_argument("--reason", help="kept with what is done")
    add_by(command)


def run(place: Place, given: argparse.Namespace) -> int:
    acts = [
        (operations.acknowledge_alert, given.acknowledge),
        (operations.close_alert, given.close),
    ]
    wanted = [(act, id) for act, id in acts if id is not None]
    if wanted and not given.reason:
        raise InvalidData("alerts: expected --reason with --acknowledge and --close, got none: it is kept")
    with place.ledger() as ledger:
        for act, id in wanted:
            act(ledger, id, actor=actor_named(given.by), reason=given.reason)
        found = ledger.alerts.newest(100) if given.all else ledger.alerts.open()
    if given.json:
        print(printing.as_json(found))
        return WELL
    headers = ("id", "severity", "alert", "times", "since", "over", "acknowledged", "what")
    rows = [
        (
            each.id,
            each.severity,
            each.kind,
            each.count,
            each.first_at,
            each.over_at,
            each.acknowledged_by and f"{each.acknowledged_by}: {each.acknowledged_reason}",
            each.message if each.closed_by is None else f"{each.message} (closed by {each.closed_by})",
        )
        for each in found
    ]
    print(printing.table(headers, rows) if rows else "no alert is open")
    return WELL


COMMAND = Command("alerts", "list alerts, or acknowledge or close one", arguments, run=run)
