"""The command `new-strategy`: writes a valid entry of the strategies file, by questions or from flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from include.ops.command import Command
from include.ops.entry_answers import QUESTIONS, Defaults, default_of, defaults_for, flag, settings_of
from include.ops.place import SHIPPED_STRATEGIES, Place
from include.ops.printing import WELL
from include.trading.errors import InvalidData
from include.trading.strategy.new_entry import with_entry
from include.trading.text import clean


def arguments(command: argparse.ArgumentParser) -> None:
    for name, question in QUESTIONS.items():
        command.add_argument(flag(name), type=_shown, metavar="…", help=question.replace("%", "%%"))
    command.add_argument(
        "--to", type=Path, metavar="FILE", help="the strategies file; by default TRADING_STRATEGIES_FILE"
    )
    command.add_argument("--defaults", action="store_true", help="ask nothing: take the defaults for what no flag says")


def _shown(text: str) -> str:
    if clean(text) != text:
        raise argparse.ArgumentTypeError(f"expected characters that can be shown, got {text!r}")
    return text


def run(place: Place, given: argparse.Namespace) -> int:
    path = _target(place, given)
    before = path.read_text(encoding="utf-8") if path.exists() else None
    answers = _answers(given)
    text = with_entry(path, before, settings_of(answers))
    _write(path, text, before)
    print(f"{path}: strategy {answers['id']} is added; python -m include.ops check says what it still needs")
    return WELL


def _answers(given: argparse.Namespace) -> dict[str, str]:
    """Return what the flags say and, for what they do not, what is answered at the terminal."""
    said = {name: value for name in QUESTIONS if (value := getattr(given, name)) is not None}
    asks = not given.defaults and sys.stdin.isatty()
    if asks and "signals" not in said:
        said["signals"] = _ask("signals", "file")
    source = said.get("signals") or "file"
    defaults = defaults_for(source)
    if other := said.keys() - defaults.keys():
        flags = ", ".join(flag(name) for name in QUESTIONS if name in other)
        raise InvalidData(f"{flags}: expected no such flag, because signals of {source} do not have it")
    missing = [flag(name) for name in defaults if name not in said and default_of(name, defaults, said) != ""]
    if missing and not asks and not given.defaults:
        raise InvalidData(
            f"expected a terminal to ask at, or the flags {', '.join(missing)}; --defaults takes the defaults of those "
            "that have one"
        )
    return _chosen(said, defaults, asks=asks)


def _chosen(said: dict[str, str], defaults: Defaults, *, asks: bool) -> dict[str, str]:
    """Return the answers, without those that are left out."""
    found: dict[str, str] = {}
    for name in defaults:
        default = default_of(name, defaults, found)
        answer = _ask(name, default) if asks and name not in said else said.get(name, "")
        if default is None and not answer:
            raise InvalidData(
                f"{flag(name)}: expected {QUESTIONS[name][0].lower()}{QUESTIONS[name][1:]}, found nothing"
            )
        found[name] = answer or default or ""
    return {name: answer for name, answer in found.items() if answer}


def _ask(name: str, default: str | None) -> str:
    hint = {None: "", "": " [leave it out]"}.get(default, f" [{default}]")
    try:
        return input(f"{QUESTIONS[name]}{hint}: ").strip()
    except EOFError:
        raise InvalidData(f"{flag(name)}: expected an answer, the input ended; nothing is written") from None


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


COMMAND = Command("new-strategy", "write an entry of the strategies file", arguments, run=run, prints_json=False)
