"""What can happen to a strategy's book within a day. An entry is kept as it is, and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

EntryKind = Literal["start", "flow", "fill", "price", "dividend", "fee", "split", "rename", "quantity", "transfer"]
CENT: Final = Decimal("0.01")
ZERO: Final = Decimal(0)


def cents(amount: Decimal) -> Decimal:
    """Return USD rounded to the cent, halves to the even one."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Entry:
    """One thing that happened, in signed shares and USD.

    amount: cash that came in (start, flow, dividend), was paid (fee), or was paid for the shares (fill: below zero for
    a sale; price: what a changed price of an earlier fill adds). The other kinds move shares and no cash.
    quantity: shares that came in; of a split what the holding grew by, of a rename what moved `to` the other symbol.
    plan_price: what the order was planned at. of_session: the session an order was of, where it is an earlier one.
    """

    kind: EntryKind
    symbol: str | None = None
    quantity: Decimal = ZERO
    amount: Decimal = ZERO
    to: str | None = None
    plan_price: Decimal | None = None
    of_session: date | None = None
    intent_id: int | None = None
    correction_id: int | None = None
    flow_id: int | None = None
    activity_id: int | None = None
    words: str | None = None


# What corrects the past or the holdings without trading: shown as lines of their own.
CORRECTING: Final[frozenset[str]] = frozenset({"price", "split", "rename", "quantity", "transfer"})
