"""How the vendor writes amounts and times."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal


def plain(amount: Decimal | int) -> str:
    """Write an amount without exponent and without zeros at its end."""
    text = format(Decimal(amount), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def maybe(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


def stamp(at: datetime) -> str:
    """Write a time with nine decimals of its seconds, as the vendor does."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def maybe_stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
