"""When a difference between a venue's word on an account and our books is worth a person's look."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_LEAST: Final = Decimal(1)
_SHARE: Final = Decimal("0.0001")


def unexplained_limit(equity: Decimal) -> Decimal:
    """Return the USD above which a difference is warned about: 1 USD or 0.01 % of the equity, whichever is more."""
    return max(_LEAST, abs(equity) * _SHARE)


def is_worth_a_look(unexplained: Decimal | None, equity: Decimal) -> bool:
    """Say whether a difference is above its limit; None: there is no day before to compare with."""
    return unexplained is not None and abs(unexplained) > unexplained_limit(equity)
