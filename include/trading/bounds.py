"""What the ledger's columns can hold of what services say. A test compares these with the database's columns."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

_ZERO: Final = Decimal(0)
# By scale.
_SMALLEST: Final = tuple(Decimal(1).scaleb(-scale) for scale in range(16))


class NumberBound(NamedTuple):
    """A NUMERIC column: how many digits it has, and how many of them are decimals."""

    digits: int
    scale: int

    def holds(self, number: Decimal) -> bool:
        """Say whether the column can hold the number, perhaps with fewer decimals."""
        return self.fitted(number) is not None

    def fitted(self, number: Decimal) -> Decimal | None:
        """Return the number as the column keeps it, None for one that it cannot hold."""
        whole = self.digits - self.scale
        # Its size first: a number with more digits than the context has cannot even be rounded.
        if number and not (number.is_finite() and number.adjusted() < whole):
            return None
        rounded = self.rounded(number) if number else _ZERO
        return rounded if rounded.adjusted() < whole else None

    def rounded(self, number: Decimal) -> Decimal:
        """Return the number as the column keeps it; only for one that it holds."""
        return number.quantize(_SMALLEST[self.scale])


QUANTITY: Final = NumberBound(23, 9)
ORDER_QUANTITY: Final = NumberBound(20, 9)
PRICE: Final = NumberBound(20, 6)
PREDICTED_RETURN: Final = NumberBound(18, 10)
TARGET_WEIGHT: Final = NumberBound(18, 12)
# The smallest part of a share that can be ordered, and that a book has.
PART: Final = Decimal("0.000000001")
LARGEST_INTEGER: Final = 2**31 - 1
LONGEST_MODEL_VERSION: Final = 100
# More than anybody holds of one symbol, and an order for it still fits its column.
MOST_SHARES: Final = 10**9


def storable_price(number: Decimal) -> Decimal:
    """Return the price; raise ValueError for one that the ledger cannot keep above 0."""
    if usable_price(number) is None:
        raise ValueError(
            f"expected a price above 0 with at most {PRICE.scale} decimals and below 10^14, got {str(number)[:50]}"
        )
    return number


def storable_quantity(number: Decimal) -> Decimal:
    """Return the number of shares; raise ValueError for one that the ledger cannot keep."""
    if QUANTITY.fitted(number) != number:
        raise ValueError(f"expected shares below 10^14 with at most {QUANTITY.scale} decimals, got {str(number)[:50]}")
    return number


def usable_price(number: Decimal) -> Decimal | None:
    """Return the price as the ledger keeps it; None for one that is not above 0 there, or more than fits."""
    price = PRICE.fitted(number)
    if price is None or price <= 0:
        return None
    # As it was written where nothing is lost: 189.5 and not 189.500000.
    return number if price == number else price
