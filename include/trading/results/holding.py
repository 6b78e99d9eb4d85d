"""What a strategy holds of one symbol, what it cost, and what a trade realises: average cost, or first in first out."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final, Literal, NamedTuple

from include.trading.results.entries import ZERO, cents

Method = Literal["average", "fifo"]
_SHARE: Final = Decimal("0.000000001")


@dataclass(frozen=True)
class Lot:
    """Signed shares and what was paid for them in USD: both below zero where they were sold short."""

    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True)
class Holding:
    """Lots of one sign, oldest first. price: USD a share that they were last valued at."""

    lots: tuple[Lot, ...] = ()
    price: Decimal | None = None

    @property
    def quantity(self) -> Decimal:
        return sum((lot.quantity for lot in self.lots), ZERO)

    @property
    def cost(self) -> Decimal:
        return sum((lot.cost for lot in self.lots), ZERO)

    @property
    def value(self) -> Decimal:
        """USD at the price; what they cost where no price was ever known."""
        return self.cost if self.price is None else cents(self.quantity * self.price)


class Traded(NamedTuple):
    holding: Holding
    realised: Decimal


def trade(holding: Holding, quantity: Decimal, paid: Decimal, method: Method) -> Traded:
    """Return the holding after a trade of signed shares, and the result that it realised.

    paid: USD for all of it, below zero for a sale. A trade through zero closes at its share of that, and opens with
    the rest.
    """
    held = holding.quantity
    if quantity == 0:
        return Traded(holding, -paid)
    if held * quantity >= 0:
        return Traded(_with(holding, Lot(quantity, paid), method), ZERO)
    closing = min(abs(held), abs(quantity))
    paid_to_close = paid if closing == abs(quantity) else _share_of(paid, closing, abs(quantity))
    rest, cost = _take(holding, closing)
    opening = abs(quantity) - closing
    if opening:
        sign = 1 if quantity > 0 else -1
        rest = _with(rest, Lot(sign * opening, paid - paid_to_close), method)
    return Traded(rest, -paid_to_close - cost)


def split(holding: Holding, more: Decimal) -> Holding:
    """Return the holding grown by signed shares at the same cost, its price changed by the same factor."""
    before = holding.quantity
    after = before + more
    with localcontext(prec=50):
        lots = [Lot((lot.quantity * after / before).quantize(_SHARE), lot.cost) for lot in holding.lots]
        price = None if holding.price is None else holding.price * before / after
    lots[-1] = Lot(lots[-1].quantity + after - sum((lot.quantity for lot in lots), ZERO), lots[-1].cost)
    return Holding(tuple(lots), price)


def take_out(holding: Holding, quantity: Decimal) -> tuple[Holding, Holding]:
    """Return what is left of a holding, and the oldest of its lots that make up the signed shares."""
    taken: list[Lot] = []
    left: list[Lot] = []
    wanted = abs(quantity)
    for lot in holding.lots:
        part = min(wanted, abs(lot.quantity))
        cost = lot.cost if part == abs(lot.quantity) else _share_of(lot.cost, part, abs(lot.quantity))
        sign = 1 if lot.quantity > 0 else -1
        if part:
            taken.append(Lot(sign * part, cost))
        if part < abs(lot.quantity):
            left.append(Lot(lot.quantity - sign * part, lot.cost - cost))
        wanted -= part
    return Holding(tuple(left), holding.price), Holding(tuple(taken), holding.price)


def merged(holding: Holding, other: Holding, method: Method) -> Holding:
    """Return two holdings of one sign as one, the other's lots last."""
    for lot in other.lots:
        holding = _with(holding, lot, method)
    return Holding(holding.lots, other.price if holding.price is None else holding.price)


def _with(holding: Holding, lot: Lot, method: Method) -> Holding:
    lots = (*holding.lots, lot)
    if method == "average":
        lots = (Lot(sum((each.quantity for each in lots), ZERO), sum((each.cost for each in lots), ZERO)),)
    return Holding(lots, holding.price)


def _take(holding: Holding, shares: Decimal) -> tuple[Holding, Decimal]:
    left, taken = take_out(holding, shares)
    return left, taken.cost


def _share_of(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    with localcontext(prec=50):
        return cents(amount * part / whole)
