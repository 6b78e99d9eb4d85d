"""The command `new-strategy`: writes a valid entry of the strategies file, by questions or from flags."""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from include.ops.command import Command
from include.ops.place import SHIPPED_STRATEGIES, Place
from include.ops.printing import WELL
from include.trading.errors import InvalidData
from include.trading.strategy.new_entry import with_entry

# By flag: the question, and what an empty answer means.
QUESTIONS = {
    "id": ("A name for it (a-z, 0-9, _; it is part of the order ids and cannot be changed later)", "my_weights"),
    "signals": ("Where do its signals come from: file or service?", "file"),
    "path": ("The file: an absolute path or a URL; {as_of_date} and {session} stand for the days", ""),
    "dated": (
        "What says which day the file is of: column, name, fresh (written within 20 hours) or standing?",
        "column",
    ),
    "symbols": ("Its symbols, separated by commas", ""),
    "top_n": ("How many names to hold long?", "2"),
    "bottom_n": ("How many names to hold short?", "2"),
    "venue": ("The Airflow connection that orders are sent to", "execution_gateway"),
    "mode": ("Its mode: plan (sends nothing), paper or live?", "plan"),
    "capital": ("Its capital: USD, or a share of the account's equity such as 0.95", "100000"),
    "schedule": ("When it runs: session (at the open), session+15, or null (by hand)", "session"),
}
OF_SOURCE = {"file": ("path", "dated"), "service": ("symbols", "top_n", "bottom_n")}
FRESH_HOURS = 20


def arguments(command: argparse.ArgumentParser) -> None:
    for flag, (question, default) in QUESTIONS.items():
        words = question if not default else f"{question} [{default}]"
        command.add_argument(f"--{flag.replace('_', '-')}", metavar="…", help=words)
    command.add_argument(
        "--to", type=Path, metavar="FILE", help="the strategies file; by default TRADING_STRATEGIES_FILE"
    )
    command.add_argument("--defaults", action="store_true", help="ask nothing: take the defaults for what no flag says")


def run(place: Place, given: argparse.Namespace) -> int:
    path = _target(place, given)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    answers = _answers(given)
    text = with_entry(path, before, settings_of(answers))
    _write(path, text, before)
    print(f"{path}: strategy {answers['id']} is added; python -m include.ops check says what it still needs")
    return WELL


def settings_of(answers: dict[str, str]) -> dict[str, Any]:
    """Return the settings of an entry from the answers as text; what they may be is for the file's reader to judge."""
    capital = _number("capital", answers["capital"])
    by_equity = capital <= 1
    return {
        "id": answers["id"],
        "mode": answers["mode"],
        "venue": answers["venue"],
        "schedule": None if answers["schedule"] == "null" else answers["schedule"],
        "signals": {answers["signals"]: _source(answers)},
        **({"symbols": answers["symbols"].replace(",", " ").split()} if "symbols" in answers else {}),
        "capital": {"equity": {"share": capital}} if by_equity else capital,
        # A backfill never asks the venue what the equity is.
        **({"replay_capital": 100000} if by_equity else {}),
    }


def _source(answers: dict[str, str]) -> dict[str, Any]:
    if answers["signals"] == "service":
        return {name: int(_number(name, answers[name])) for name in ("top_n", "bottom_n")}
    fresh = {"modified_within_hours": FRESH_HOURS}
    return {"path": answers["path"], "dated": fresh if answers["dated"] == "fresh" else answers["dated"]}


def _answers(given: argparse.Namespace) -> dict[str, str]:
    """Return what the flags say and, for what they do not, what is answered at the terminal."""
    found: dict[str, str] = {}
    asks = not given.defaults and sys.stdin.isatty()
    for name, (question, default) in QUESTIONS.items():
        if name in OF_SOURCE["file"] + OF_SOURCE["service"] and name not in OF_SOURCE.get(found["signals"], ()):
            continue
        answer = getattr(given, name)
        if answer is None and asks:
            answer = input(f"{question}{f' [{default}]' if default else ''}: ").strip()
        found[name] = answer or default
        if not found[name]:
            raise InvalidData(f"--{name}: expected {question[0].lower()}{question[1:]}, found nothing")
        if name == "signals" and found[name] not in OF_SOURCE:
            raise InvalidData(f"--signals: expected {' or '.join(OF_SOURCE)}, found {found[name]!r}")
    return found


def _target(place: Place, given: argparse.Namespace) -> Path:
    named = given.to or place.environ.get("TRADING_STRATEGIES_FILE")
    if not named:
        raise InvalidData(
            f"--to: expected the strategies file to write, or TRADING_STRATEGIES_FILE; the package's own "
            f"{SHIPPED_STRATEGIES.name} is not changed"
        )
    return Path(named).absolute()


def _write(path: Path, text: str, before: str | None) -> None:
    """Write the file whole or not at all, unless it has changed since it was read."""
    try:
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.write_text(text, encoding="utf-8")
        if (path.read_text(encoding="utf-8") if path.exists() else None) != before:
            raise InvalidData(f"{path}: it was changed meanwhile, nothing is written: run the command again")
        unfinished.replace(path)
    except OSError as error:
        raise InvalidData(f"{path}: expected a file that can be written, found: {error}") from error


def _number(name: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InvalidData(f"--{name.replace('_', '-')}: expected a number, found {text!r}")
    return number


COMMAND = Command("new-strategy", "write an entry of the strategies file", arguments, run=run, prints_json=False)
