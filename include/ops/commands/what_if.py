"""The command `what-if`: replays sessions that are over, as a backfill does, without Airflow."""

from __future__ import annotations

import argparse

from include.execution.whatif.replaying import replay_sessions, sessions_between
from include.ops import printing
from include.ops.arguments import add_sessions
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import InvalidData, TradingError


def arguments(command: argparse.ArgumentParser) -> None:
    add_sessions(command)
    command.add_argument("--strategy", metavar="ID", help="needed when the file has several")


def run(place: Place, given: argparse.Namespace) -> int:
    if given.first > given.last:
        raise InvalidData(f"--from {given.first}: expected a day no later than --to {given.last}")
    strategy = place.strategy(given.strategy)
    with place.ledger() as ledger:
        sessions = sessions_between(strategy, ledger, given.first, given.last)
        found = [
            {"session": session.day, "summary": None, "problem": str(ended)}
            if isinstance(ended, TradingError)
            else {"session": session.day, "summary": ended.summary, "problem": None}
            for session, ended in replay_sessions(ledger, place.assembly, strategy, sessions)
        ]
    failed = sum(row["problem"] is not None for row in found)
    if given.json:
        print(printing.as_json(found))
    else:
        rows = [(row["session"], row["problem"] or row["summary"]) for row in found]
        print(printing.table(("session", "what came of it"), rows))
        print(f"{len(found)} sessions of {strategy.id} replayed, {failed} without a plan; nothing was sent")
        print(f"python -m include.ops report --replays --from {given.first} --to {given.last} --strategy {strategy.id}")
    return NEEDS_A_PERSON if failed else WELL


COMMAND = Command("what-if", "replay sessions that are over without Airflow; sends nothing", arguments, run=run)
