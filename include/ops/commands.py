"""What the person on duty may type: the commands and their arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import psycopg

from include.execution.duty.settlement import OUTCOMES
from include.ops import acting, auditing, correcting, looking, reporting, watching
from include.ops.place import Place
from include.ops.printing import NOT_DONE, WELL, CleanStream
from include.trading.bounds import storable_price, storable_quantity
from include.trading.errors import TradingError
from include.trading.order.states import STATES

Command = Callable[[Place, argparse.Namespace], int]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return the exit code: 0 well, 1 something is left for a person, 2 not done."""
    with redirect_stdout(CleanStream(sys.stdout)), redirect_stderr(CleanStream(sys.stderr)):
        return _run(argv, environ)


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.run is None:
        parser.print_help()
        return WELL
    command: Command = arguments.run
    try:
        return command(Place(environ), arguments)
    except TradingError as error:
        print(error, file=sys.stderr)
    except psycopg.Error as error:
        print(f"the ledger's database failed: {str(error).strip()}", file=sys.stderr)
    return NOT_DONE


class Commands:
    """The commands in the groups that the help shows them in."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        # A command that is added to them without help is not listed a second time.
        self._parsers = parser.add_subparsers(metavar="COMMAND", help="one of those below")
        self.groups: dict[str, list[tuple[str, str]]] = {}

    def add(
        self, group: str, name: str, run: Command, help: str, *, prints_json: bool = True
    ) -> argparse.ArgumentParser:
        command = self._parsers.add_parser(name, description=f"{help[0].upper()}{help[1:]}.")
        command.set_defaults(run=run)
        if prints_json:
            command.add_argument("--json", action="store_true", help="print JSON")
        self.groups.setdefault(group, []).append((name, help))
        return command

    def listed(self) -> str:
        """Return the groups with their commands, a line each."""
        parts = []
        for group, commands in self.groups.items():
            parts.append("\n".join([f"{group}:", *(f"  {name:<13} {help}" for name, help in commands)]))
        return "\n\n".join(parts)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.ops",
        description="Commands for the person on duty. They need the connections in the environment, no Airflow.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=None)
    commands = Commands(parser)
    _add_looking(commands)
    _add_acting(commands)
    _add_setting_up(commands)
    _add_proving(commands)
    parser.epilog = (
        f"{commands.listed()}\n\n"
        "COMMAND --help names its options. Exit codes: 0 well, 1 something is left for a person, 2 not done\n"
        "(the reason is on stderr)."
    )
    return parser


def _add_looking(commands: Commands) -> None:
    def add(name: str, run: Command, help: str) -> argparse.ArgumentParser:
        return commands.add("look", name, run, help)

    add("check", looking.run_check, "show what the next run needs, and what would stop it")

    planning = add("plan", looking.run_plan, "show the plan that a saved signal answer makes; writes nothing")
    planning.add_argument("--signals", required=True, type=Path, metavar="FILE", help="a Signal Service's answer, JSON")
    planning.add_argument("--prices", type=Path, metavar="FILE", help='JSON like {"AAPL": 189.5}; else market data')
    planning.add_argument("--strategy", metavar="ID", help="needed when the file has several")
    planning.add_argument("--flat", action="store_true", help="as if nothing were held; needs no ledger")

    listing = add("orders", looking.run_orders, "list orders, newest first")
    listing.add_argument("--account")
    listing.add_argument("--session", type=_day, metavar="YYYY-MM-DD")
    listing.add_argument("--state", nargs="+", choices=sorted(STATES), metavar="STATE", help=", ".join(sorted(STATES)))
    listing.add_argument("--limit", type=int, default=100)
    listing.add_argument("--events", action="store_true", help="everything that happened to each")

    alerts = add("alerts", looking.run_alerts, "list alerts, or acknowledge or close one")
    alerts.add_argument("--all", action="store_true", help="also those that are over")
    alerts.add_argument("--acknowledge", type=int, metavar="ID", help="you look after it; it stays open")
    alerts.add_argument("--close", type=int, metavar="ID", help="it is over by your word; if it comes back, it is new")
    alerts.add_argument("--reason", help="kept with what is done")
    alerts.add_argument("--by", metavar="NAME", help="your name; by default the login name")

    corrected = add("corrections", correcting.run_corrections, "list what was corrected, newest first")
    corrected.add_argument("--account", help="needed when there are several")
    corrected.add_argument("--limit", type=int, default=100)

    report = add("report", reporting.run_report, "show what a backfill's plans would have made")
    _add_sessions(report)
    report.add_argument("--strategy", metavar="ID", help="needed when several were replayed")
    report.add_argument("--plot", type=Path, metavar="FILE.svg", help="also write a plot")


def _add_acting(commands: Commands) -> None:
    def add(name: str, run: Command, help: str) -> argparse.ArgumentParser:
        command = commands.add("act", name, run, help)
        _add_reason(command)
        return command

    halting = add("halt", acting.run_halt, "stop sending on an account, at once")
    halting.add_argument("--cancel-open", action="store_true", help="and cancel its open orders (not at a v1 gateway)")

    resuming = add("resume", acting.run_resume, "let a halted account trade again")
    resuming.add_argument("--breaks", nargs="+", type=int, default=[], metavar="ID", help="the open breaks it settles")

    settling = add("settle", acting.run_settle, "end orders whose outcome cannot be learned, by your word")
    settling.add_argument("order", nargs="*", help="client order ids")
    settling.add_argument("--all", action="store_true", help="every order of the account without a known outcome")
    settling.add_argument("--outcome", required=True, choices=OUTCOMES)
    settling.add_argument("--quantity", type=_shares, help="shares filled in all; by default all of a filled order")
    settling.add_argument("--price", type=_price, help="USD a share, the average of what filled")
    settling.add_argument("--gateway-silent", action="store_true", help="also when the gateway does not answer")

    correcting.add_arguments(
        add("correct", correcting.run_correct, "put right what a strategy holds: a split, a new symbol, a late fill")
    )

    adopting = add("adopt", acting.run_adopt, "take a position that is not ours as the account's baseline")
    adopting.add_argument("--symbol", required=True)
    adopting.add_argument(
        "--quantity", type=_shares, help="signed shares; by default all that our fills do not explain"
    )
    adopting.add_argument("--not-ours", action="store_true", help="also in a symbol that a strategy holds")

    commands.add("act", "watch", watching.run_watch, "recover runs and orders as the watchdog does, without Airflow")


def _add_setting_up(commands: Commands) -> None:
    group = "set up"
    migrating = commands.add(
        group, "migrate", acting.run_migrate, "bring the ledger's tables to the newest version", prints_json=False
    )
    migrating.add_argument("--grant", metavar="ROLE", help="the database role of tasks: gets what they need, no more")

    rebinding = commands.add(
        group, "rebind", acting.run_rebind, "give an account the gateway that its connection names now"
    )
    whose = rebinding.add_mutually_exclusive_group(required=True)
    whose.add_argument("--same-account", action="store_true", help="the gateway moved; also with live orders")
    whose.add_argument(
        "--another-account", action="store_true", help="another broker account; needs no live orders and no holdings"
    )
    _add_reason(rebinding)

    restored = commands.add(
        group,
        "restored",
        acting.run_restored,
        "halt every account, after a backup of the ledger was brought back",
        prints_json=False,
    )
    restored.add_argument("--reason", required=True, help="kept with what is done")
    restored.add_argument(
        "--over", action="store_true", help="the books are compared: accounts made from now on start active again"
    )
    restored.add_argument("--by", metavar="NAME", help="your name; by default the login name")


def _add_proving(commands: Commands) -> None:
    checked = commands.add(
        "prove", "audit", auditing.run_audit, "check the promise rule by rule, from what was recorded and the gateway"
    )
    _add_sessions(checked)
    checked.add_argument("--account", help="by default every account of the ledger")
    checked.add_argument("--whole", action="store_true", help="list all that is not provable, not the first 20")


def _add_reason(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reason", required=True, help="kept with what is done")
    command.add_argument("--by", metavar="NAME", help="your name; by default the login name")
    command.add_argument("--account", help="needed when there are several")


def _add_sessions(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="first", required=True, type=_day, metavar="YYYY-MM-DD", help="first session")
    command.add_argument("--to", dest="last", required=True, type=_day, metavar="YYYY-MM-DD", help="last session")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as YYYY-MM-DD, got {text!r}") from None


def _shares(text: str) -> Decimal:
    return _number(text, storable_quantity)


def _price(text: str) -> Decimal:
    # What is not above 0 the command refuses in words of its own.
    return _number(text, lambda number: storable_price(number) if number > 0 else number)


def _number(text: str, judged: Callable[[Decimal], Decimal]) -> Decimal:
    try:
        return judged(Decimal(text))
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
