"""What the person on duty may type, and how each command's result and errors are told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from include.ledger.connection import url_from_environment
from include.ledger.migrations import migrate
from include.trading.errors import TradingError


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command and return the exit code: 0 well, 1 something needs a person, 2 not done."""
    parser = argparse.ArgumentParser(prog="python -m include.ops")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("migrate", help="bring the ledger's tables to the newest version")
    parser.parse_args(argv)
    try:
        print(f"the ledger is at version {migrate(url_from_environment(environ))}")
    except TradingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
