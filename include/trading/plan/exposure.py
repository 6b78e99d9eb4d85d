"""What the book is worth with and without an order: the running totals that the rules of a whole plan look at."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from include.trading.models import Side
from include.trading.plan.plan import PlannedOrder

_ZERO = Decimal(0)
# What a venue reserves for a market order: a buy may trade above the price, a short may have to be bought back above
# it. Source: Alpaca's documentation of buying power; how far a buy is counted above, it does not say: 5 % as its
# emulator does, so that a plan that uses up the buying power is not refused at its last order.
BUY_COST: Final = Decimal("1.05")
SHORT_COST: Final = Decimal("1.03")


def cost_of(order: PlannedOrder) -> Decimal:
    """Return the buying power in USD that an order takes: a reduction none."""
    if order.reduces:
        return _ZERO
    return reserved(order.side, order.notional)


def reserved(side: Side, notional: Decimal) -> Decimal:
    """Return the buying power in USD that a market order which increases a position takes until it fills."""
    return notional * (BUY_COST if side == "buy" else SHORT_COST)


class Totals(NamedTuple):
    """USD of longs and shorts (both positive), of what was traded and of buying power taken; orders counted."""

    longs: Decimal
    shorts: Decimal
    traded: Decimal
    orders: int
    cost: Decimal

    @property
    def gross(self) -> Decimal:
        return self.longs + self.shorts

    @property
    def net(self) -> Decimal:
        return self.longs - self.shorts


class Book:
    """Positions and their totals, moved on order by order.

    quantities: signed shares, open orders included. prices: USD a share. unvalued: symbols held without any price.
    """

    def __init__(self, quantities: Mapping[str, Decimal], prices: Mapping[str, Decimal]) -> None:
        held = {symbol: quantity for symbol, quantity in quantities.items() if quantity}
        values = [quantity * prices[symbol] for symbol, quantity in held.items() if symbol in prices]
        self._quantities = held
        self.unvalued = tuple(sorted(held.keys() - prices.keys()))
        self.totals = Totals(
            longs=sum((value for value in values if value > 0), _ZERO),
            shorts=-sum((value for value in values if value < 0), _ZERO),
            traded=_ZERO,
            orders=0,
            cost=_ZERO,
        )

    def after(self, order: PlannedOrder) -> Totals:
        """Return the totals as they would be with the order."""
        return self._with(order, 1)

    def take(self, order: PlannedOrder, after: Totals) -> None:
        """Add the order. after: what `after` returned for it, and nothing was added or removed since."""
        self._move(order, 1, after)

    def drop(self, order: PlannedOrder) -> None:
        """Remove an order that was added; of one symbol the last one first."""
        self._move(order, -1, self._with(order, -1))

    def _move(self, order: PlannedOrder, times: int, totals: Totals) -> None:
        self.totals = totals
        self._quantities[order.symbol] = self._quantities.get(order.symbol, _ZERO) + times * order.signed_quantity

    def _with(self, order: PlannedOrder, times: int) -> Totals:
        totals = self.totals
        before = self._quantities.get(order.symbol, _ZERO) * order.price
        bought = times if order.side == "buy" else -times
        value = before + bought * order.notional
        return Totals(
            longs=totals.longs + max(value, _ZERO) - max(before, _ZERO),
            shorts=totals.shorts - min(value, _ZERO) + min(before, _ZERO),
            traded=totals.traded + times * order.notional,
            orders=totals.orders + times,
            cost=totals.cost + times * cost_of(order),
        )
