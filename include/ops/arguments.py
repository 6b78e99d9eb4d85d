"""Arguments that several commands take, and how their text is read."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from include.trading.bounds import LARGEST_INTEGER, storable_price, storable_quantity
from include.trading.text import clean

# Costs of 100 %.
_WHOLE_BP: Final = 10_000


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


def name(text: str) -> str:
    if not text.strip() or clean(text) != text:
        raise argparse.ArgumentTypeError(f"expected a name, of characters that can be shown, got {text!r}")
    return text


def whole_number(text: str) -> int:
    if re.fullmatch("[1-9][0-9]{0,9}", text) and int(text) <= LARGEST_INTEGER:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {LARGEST_INTEGER}, got {text[:50]!r}")


def quantity(text: str) -> Decimal:
    return _number(text, storable_quantity)


def price(text: str) -> Decimal:
    # What is not above 0 the command refuses in words of its own.
    return _number(text, lambda number: storable_price(number) if number > 0 else number)


def usd(text: str) -> Decimal:
    return _number(text, _finite)


def basis_points(text: str) -> Decimal:
    return _number(text, _costs)


def _costs(number: Decimal) -> Decimal:
    if not 0 <= number <= _WHOLE_BP:
        raise ValueError(f"expected basis points from 0 to {_WHOLE_BP}, got {str(number)[:50]}")
    return number


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError(f"expected a number of USD, got {number:f}")
    return number


def _number(text: str, judged: Callable[[Decimal], Decimal]) -> Decimal:
    try:
        return judged(Decimal(text))
    except InvalidOperation:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
