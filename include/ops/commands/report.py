"""The command `report`: what trading earned in a day, a month or a range; or what a backfill would have made."""

from __future__ import annotations

import argparse
from calendar import monthrange
from datetime import date
from decimal import Decimal
from pathlib import Path

from include.execution.results.report import report
from include.ops import printing
from include.ops.arguments import basis_points, day
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import WELL
from include.ops.replays import run_replays
from include.ops.reports import as_html, as_text, export_returns
from include.trading.errors import InvalidData


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--day", type=day, metavar="YYYY-MM-DD", help="one session")
    command.add_argument("--month", type=_month, metavar="YYYY-MM", help="one month")
    command.add_argument("--from", dest="first", type=day, metavar="YYYY-MM-DD", help="first session")
    command.add_argument("--to", dest="last", type=day, metavar="YYYY-MM-DD", help="last session")
    command.add_argument("--strategy", metavar="ID", help="by default every strategy")
    command.add_argument("--account", help="by default every account")
    command.add_argument("--html", type=Path, metavar="FILE", help="also write a page with plots")
    command.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="also write daily returns, .csv or .parquet, for quantstats; with --replays months and symbols, .csv",
    )
    command.add_argument("--replays", action="store_true", help="what a backfill's plans would have made instead")
    zero = Decimal(0)
    command.add_argument(
        "--spread-bp", type=basis_points, default=zero, help="with --replays: the spread in basis points"
    )
    command.add_argument("--fee-bp", type=basis_points, default=zero, help="with --replays: fees in basis points")
    command.add_argument("--plot", type=Path, metavar="FILE.svg", help="with --replays: also write a plot")


def run(place: Place, given: argparse.Namespace) -> int:
    first, last = _days(given)
    if given.replays:
        if first is None or last is None:
            raise InvalidData("--replays: expected --from and --to, the sessions that were replayed")
        return run_replays(place, argparse.Namespace(**{**vars(given), "first": first, "last": last}))
    if given.plot is not None:
        raise InvalidData("--plot: expected --replays with it; plots of what was earned are in --html FILE")
    with place.ledger() as ledger:
        found = report(ledger, first, last, strategy_id=given.strategy, account=given.account)
    for path, write in ((given.html, as_html), (given.export, export_returns)):
        if path is not None:
            try:
                path.write_bytes(write(found, path))
            except OSError as error:
                raise InvalidData(f"{path}: expected a file that can be written, found: {error}") from error
    print(printing.as_json(found.books) if given.json else as_text(found))
    return WELL


def _days(given: argparse.Namespace) -> tuple[date | None, date | None]:
    if given.day is not None:
        return given.day, given.day
    if given.month is not None:
        first: date = given.month
        return first, first.replace(day=monthrange(first.year, first.month)[1])
    if given.first is not None and given.last is not None and given.first > given.last:
        raise InvalidData(f"--from {given.first}: expected a day no later than --to {given.last}")
    return given.first, given.last


def _month(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a month as YYYY-MM, got {text!r}") from None


COMMAND = Command("report", "show what trading earned, by strategy and symbol", arguments, run=run)
