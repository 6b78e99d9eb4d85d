"""Arguments that several commands take, and how their text is read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation

from include.trading.bounds import storable_price, storable_quantity


def add_reason(command: argparse.ArgumentParser) -> None:
    """Add what every change of an account takes: why, by whom, and which account."""
    command.add_argument("--reason", required=True, help="kept with what is done")
    add_by(command)
    command.add_argument("--account", help="needed when there are several")


def add_by(command: argparse.ArgumentParser) -> None:
    command.add_argument("--by", metavar="NAME", help="your name; by default the login name")


def add_sessions(command: argparse.ArgumentParser) -> None:
    command.add_argument("--from", dest="first", required=True, type=day, metavar="YYYY-MM-DD", help="first session")
    command.add_argument("--to", dest="last", required=True, type=day, metavar="YYYY-MM-DD", help="last session")


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a day as YYYY-MM-DD, got {text!r}") from None


def quantity(text: str) -> Decimal:
    return _number(text, storable_quantity)


def price(text: str) -> Decimal:
    # What is not above 0 the command refuses in words of its own.
    return _number(text, lambda number: storable_price(number) if number > 0 else number)


def usd(text: str) -> Decimal:
    return _number(text, lambda number: number)


def _number(text: str, judged: Callable[[Decimal], Decimal]) -> Decimal:
    try:
        return judged(Decimal(text))
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
