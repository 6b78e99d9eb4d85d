"""What a person may correct of what a strategy holds, and how many shares that moves. Pure: the ledger does it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any, Final, Literal

from include.trading.errors import InvalidData
from include.trading.numbers import shares

Kind = Literal["ratio", "quantity", "rename", "fill", "move", "undo"]

_SMALLEST: Final = Decimal("0.000000001")
_MOST: Final = Decimal(10) ** 15
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_SYMBOL: Final = re.compile(r"[A-Z][A-Z0-9.\-]{0,14}")


@dataclass(frozen=True)
class Ratio:
    """A split: 10 makes ten shares of each, 1/3 makes one of three.

    is_exact: the venue keeps parts of a share, so its position has no say in what they are.
    """

    ratio: Fraction
    is_exact: bool = False

    kind: Kind = "ratio"

    @property
    def detail(self) -> dict[str, Any]:
        return {"ratio": str(self.ratio)}


@dataclass(frozen=True)
class Quantity:
    """The strategy holds exactly so many signed shares; 0 writes them off."""

    quantity: Decimal

    kind: Kind = "quantity"

    @property
    def detail(self) -> dict[str, Any]:
        return {"quantity": str(self.quantity)}


@dataclass(frozen=True)
class Rename:
    """Holdings move from one symbol to another."""

    to: str

    kind: Kind = "rename"

    @property
    def detail(self) -> dict[str, Any]:
        return {"to": self.to}


@dataclass(frozen=True)
class HandFill:
    """So many shares of an ended order filled at an average of `price` USD, as the broker shows and the gateway not."""

    client_order_id: str
    quantity: Decimal
    price: Decimal

    kind: Kind = "fill"

    @property
    def detail(self) -> dict[str, Any]:
        return {"order": self.client_order_id, "quantity": str(self.quantity), "price": str(self.price)}


@dataclass(frozen=True)
class MoveFrom:
    """What another strategy holds becomes this one's: it was renamed, or is no more."""

    strategy_id: str

    kind: Kind = "move"

    @property
    def detail(self) -> dict[str, Any]:
        return {"from": self.strategy_id}


Wanted = Ratio | Quantity | Rename | HandFill | MoveFrom


def parse_ratio(text: str) -> Fraction:
    """Return the factor that a text such as 10, 1/3 or 1.5 names; raises InvalidData for everything else."""
    parts = text.strip().split("/")
    if len(parts) <= 2 and all(_NUMBER.fullmatch(part.strip()) for part in parts):
        above, below = Fraction(parts[0].strip()), Fraction(parts[-1].strip() if len(parts) == 2 else 1)
        if above > 0 and below > 0 and above != below:
            return above / below
    raise InvalidData(f"ratio: expected new shares for old ones, such as 10 or 1/3, above 0 and not 1; got {text!r}")


def parse_quantity(text: str, *, name: str = "quantity", negative: bool = False) -> Decimal:
    """Return a number of shares with at most nine decimals; raises InvalidData for everything else.

    negative: whether zero and less are numbers of such shares too.
    """
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_finite() and abs(number) < _MOST and number == round_shares(number) and (negative or number > 0):
        return number
    expected = "a signed number of shares" if negative else "a number above 0"
    raise InvalidData(f"{name}: expected {expected} with at most nine decimals, got {text!r}")


def parse_symbol(text: str) -> str:
    """Return a symbol as it is traded; raises InvalidData for a text that is none."""
    symbol = text.strip()
    if not _SYMBOL.fullmatch(symbol):
        raise InvalidData(f"symbol: expected capital letters, digits, dots and dashes, at most 15; got {text!r}")
    return symbol


def round_shares(number: Decimal | Fraction) -> Decimal:
    """Return a number of shares rounded to the nine decimals that a book has."""
    with localcontext(prec=50):
        if isinstance(number, Fraction):
            number = Decimal(number.numerator) / Decimal(number.denominator)
        return number.quantize(_SMALLEST)


def exact_split(held: Decimal, ratio: Fraction) -> Decimal | None:
    """Return what is held after a split; None where nine decimals cannot say it."""
    exact = Fraction(held) * ratio
    after = round_shares(exact)
    return after if Fraction(after) == exact else None


def after_split(held: Decimal, ratio: Fraction, at_gateway: Decimal) -> Decimal:
    """Return what is held after a split.

    at_gateway: what of the gateway's position is this strategy's. Where the split leaves a part of a share, brokers
    keep it, round it, or pay it out: then the gateway's word is taken, if it is less than one share away.
    """
    exact = round_shares(Fraction(held) * ratio)
    is_whole = exact == exact.to_integral_value()
    return exact if is_whole or abs(at_gateway - exact) >= 1 else at_gateway


def check_fill(ordered: Decimal, filled: Decimal, more: Decimal) -> None:
    """Raise InvalidData when an order would have filled more than was ordered."""
    if filled + more > ordered:
        raise InvalidData(
            f"fill: {shares(more)} more shares make {shares(filled + more)} filled of {shares(ordered)} ordered; "
            "what the order did not trade is corrected with a quantity"
        )
