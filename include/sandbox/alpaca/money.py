"""Buying power as the vendor counts it: what an order reserves, what is left; without input or output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from include.sandbox.alpaca.errors import forbidden
from include.sandbox.alpaca.form import Form
from include.sandbox.alpaca.rules import OpenOrder
from include.sandbox.alpaca.views import plain

MARKET_COLLAR = Decimal("1.05")
SHORT_COLLAR = Decimal("1.03")
LEAST_EQUITY_TO_SHORT = Decimal(2000)


@dataclass(frozen=True)
class Standing:
    """What an account is worth at the prices of the moment."""

    cash: Decimal
    long_value: Decimal
    short_value: Decimal  # not positive
    reserved: Decimal
    multiplier: int

    @property
    def equity(self) -> Decimal:
        return self.cash + self.long_value + self.short_value

    @property
    def buying_power(self) -> Decimal:
        return self._power(self.multiplier)

    @property
    def regt_buying_power(self) -> Decimal:
        return self._power(min(self.multiplier, 2))

    @property
    def non_marginable_buying_power(self) -> Decimal:
        return max(round(self.cash - self.reserved, 2), Decimal(0))

    @property
    def may_short(self) -> bool:
        return self.multiplier > 1 and self.equity >= LEAST_EQUITY_TO_SHORT

    def _power(self, multiplier: int) -> Decimal:
        used = self.long_value - self.short_value + self.reserved
        return max(round(self.equity * multiplier - used, 2), Decimal(0))


def reserved(open_orders: Iterable[OpenOrder]) -> Decimal:
    """Return what open orders take of the buying power before they fill."""
    return sum((order.rest * order.unit_cost for order in open_orders), Decimal(0))


def unit_cost(form: Form, ask: Decimal) -> Decimal:
    """Return what one share of an order that opens a position takes of the buying power.

    A buy its limit, without one the price that the vendor's collar allows; a short at least 3 % above the ask.
    """
    if form.side == "sell":
        return max(form.limit_price or Decimal(0), ask * SHORT_COLLAR)
    return form.limit_price or form.stop_price or ask * MARKET_COLLAR


def check_money(cost: Decimal, available: Decimal) -> None:
    if cost > available:
        raise forbidden("insufficient buying power", buying_power=plain(available), cost_basis=plain(round(cost, 2)))
