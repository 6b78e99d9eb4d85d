"""When a difference between a venue's word on an account and our books is worth a person's look."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from include.trading.results.entries import cents

_LEAST: Final = Decimal(1)
_SHARE: Final = Decimal("0.0001")


def unexplained_limit(equity: Decimal) -> Decimal:
    """Return from how many USD on a difference is warned about: more than 1 USD and than 0.01 % of the equity."""
    return max(_LEAST, cents(abs(equity) * _SHARE))
