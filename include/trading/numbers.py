"""Numbers without the zeros that a column's scale adds: as people write them."""

from __future__ import annotations

from decimal import Decimal


def shares(quantity: Decimal) -> str:
    """Return a quantity as people write it: 817.000000000 is 817, and 0.00000004 has no exponent."""
    return f"{quantity.normalize():f}"


def amount(number: Decimal) -> str:
    """Return an amount of money, or another number that was computed, as people write it: 100.000 is 100."""
    return shares(number)


def number_or_none(number: Decimal | None) -> str:
    """Return a number for a message, without an exponent."""
    return "none" if number is None else f"{number:f}"


def number(text: str) -> Decimal:
    """Return the number that PostgreSQL writes as text: 817.500000000 is Decimal("817.5")."""
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)
