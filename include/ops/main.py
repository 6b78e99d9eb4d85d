"""Read a command line, run its command, print what went wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import psycopg
import structlog

from include.ops.place import Place
from include.ops.printing import NOT_DONE, WELL, CleanStream
from include.ops.registry import GROUPS
from include.trading.errors import TradingError


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return the exit code: 0 well, 1 something is left for a person, 2 not done."""
    with redirect_stdout(CleanStream(sys.stdout)), redirect_stderr(CleanStream(sys.stderr)), _logs_on_stderr():
        return _run(argv, environ)


@contextmanager
def _logs_on_stderr() -> Iterator[None]:
    """Keep what is logged out of the document on stdout, and without the colours that CleanStream would replace."""
    before, was_configured = structlog.get_config(), structlog.is_configured()
    structlog.configure(
        processors=[*before["processors"][:-1], structlog.dev.ConsoleRenderer(colors=False)],
        # Looked up each time: the stream is replaced while a command runs.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        if was_configured:
            structlog.configure(**before)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m include.ops",
        description="Commands for the person on duty. They need the connections in the environment, no Airflow.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=None)
    parsers = parser.add_subparsers(metavar="COMMAND", help="one of those below")
    for commands in GROUPS.values():
        for command in commands:
            command.add_to(parsers)
    parser.epilog = (
        f"{_listed()}\n\n"
        "COMMAND --help names its options. Exit codes: 0 well, 1 something is left for a person, 2 not done\n"
        "(the reason is on stderr)."
    )
    return parser


def _run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    parser = build_parser()
    given = parser.parse_args(argv)
    if given.run is None:
        parser.print_help()
        return WELL
    try:
        code: int = given.run(Place(environ), given)
        return code
    except TradingError as error:
        print(error, file=sys.stderr)
    except psycopg.Error as error:
        print(f"the ledger's database failed: {str(error).strip()}", file=sys.stderr)
    return NOT_DONE


def _listed() -> str:
    """Return the groups with their commands, a line each."""
    parts = []
    for group, commands in GROUPS.items():
        parts.append("\n".join([f"{group}:", *(f"  {each.name:<13} {each.help}" for each in commands)]))
    return "\n\n".join(parts)
