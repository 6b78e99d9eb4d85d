"""The strategies file of `paper`: written once for a file of weights, and never over one that is there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from include.adapters.signals.tables import table_of
from include.launcher.errors import CannotRun
from include.launcher.paper_account import VENUE, PaperAccount
from include.trading.errors import InvalidData
from include.trading.signals.rows import read_rows
from include.trading.strategy.file import load_strategies
from include.trading.strategy.new_entry import line_of_path, with_entry
from include.trading.strategy.signals_spec import FileSignals
from include.trading.strategy.spec import Strategy

ID = "my_weights"
FRESH_HOURS = 20
DATED = {
    "standing": "standing",
    "fresh": {"modified_within_hours": FRESH_HOURS},
    "column": "column",
}
QUESTION = f"""
{{weights}} has no date. What does it mean?
  standing  these weights hold until I change the file
  fresh     I write a new one for every session: one older than {FRESH_HOURS} hours is refused
"""


def paper_strategy(
    file: Path, weights: Path | None, account: PaperAccount, dated: str | None, ask: Callable[[str], str]
) -> Strategy:
    """Return the strategy of the file, written now where there is none.

    Raises CannotRun for a file of weights that is not the one of the strategies file: that is for the user to change.
    """
    if not file.exists():
        if weights is None:
            raise CannotRun(
                "Say which file of weights to trade: make paper WEIGHTS=my.csv (a ticker and a weight a line)."
            )
        _write(file, weights, account, dated, ask)
    found = load_strategies(file)
    strategy = next(iter(found.strategies), None)
    if strategy is None:
        raise CannotRun(f"{file} has no strategy that can run: {'; '.join(map(str, found.problems)) or 'it is empty'}")
    if strategy.mode == "live":
        raise CannotRun(f"{file}: strategy {strategy.id} is live, and `paper` trades paper accounts only.")
    if strategy.sandbox_only != account.emulated:
        there = "an emulator" if strategy.sandbox_only else "Alpaca's paper account"
        raise CannotRun(f"{file} was written for {there}: set TRADING_HOME to another folder for the other one.")
    if weights is not None and isinstance(strategy.signals, FileSignals):
        _check_same(file, strategy, strategy.signals.path, weights.absolute())
    return strategy


def has_dates(weights: Path) -> bool:
    """Say whether the rows have dates; raises CannotRun for a file that has no weights."""
    try:
        return any(row.day is not None for row in read_rows(table_of(weights.read_bytes())).rows)
    except OSError as error:
        raise CannotRun(f"{weights} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CannotRun(f"{weights}: {error}.") from error


def settings_of(weights: Path, account: PaperAccount, dated: str) -> dict[str, Any]:
    """Return the strategy's settings in the order in which they are written."""
    return {
        "id": ID,
        "title": f"Weights of {weights.name}",
        "mode": "paper",
        "venue": VENUE,
        "schedule": "session",
        "signals": {"file": {"path": str(weights.absolute()), "dated": DATED[dated]}},
        "capital": {"equity": {"share": Decimal("0.95")}},
        # A replay never asks the account.
        "replay_capital": 100000,
        # An emulator has no hours.
        **({"sandbox_only": True, "market_hours": False} if account.emulated else {}),
    }


def _write(file: Path, weights: Path, account: PaperAccount, dated: str | None, ask: Callable[[str], str]) -> None:
    dates = has_dates(weights)
    if dated is None:
        dated = (
            "column" if dates else ask(QUESTION.format(weights=weights.name) + "standing or fresh? ").strip().lower()
        )
    if dated not in DATED:
        raise CannotRun(f"Expected standing or fresh, found {dated!r}: answer again, or say it by DATED=standing.")
    try:
        text = with_entry(file, None, settings_of(weights, account, dated))
    except InvalidData as error:
        raise CannotRun(f"No strategy can be made of {weights}: {error}") from error
    file.write_text(text)
    print(f"Written: {file}, one strategy. What it says can be changed there: docs/strategies.md.")


def _check_same(file: Path, strategy: Strategy, path: str, weights: Path) -> None:
    if path != str(weights):
        line = line_of_path(file.read_text(), strategy.id)
        raise CannotRun(
            f"{file} trades {path}: to trade {weights} instead, change that path in line {line}. The file is never "
            "written over."
        )
