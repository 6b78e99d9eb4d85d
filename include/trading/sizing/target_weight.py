"""How many shares to hold for each signal: one dict of pure functions, chosen by the strategy's `sizing`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from pydantic import Field

from include.trading.bounds import PART
from include.trading.models import Price, Signal, Value


class SizingLimits(Value):
    """What sizing itself must respect."""

    max_position_size: Decimal = Field(gt=0, description="USD, the most to hold of one symbol, long or short")
    in_parts: frozenset[str] = Field(default=frozenset(), description="symbols of which longs may be parts of a share")


class Target(NamedTuple):
    """The signed shares to hold of one symbol; reason says why a weight led to none."""

    symbol: str
    quantity: Decimal
    reason: str | None = None


SizingFunction = Callable[
    [Sequence[Signal], Mapping[str, Price], Decimal, SizingLimits],
    dict[str, Target],
]


def target_weight(
    signals: Sequence[Signal], prices: Mapping[str, Price], capital: Decimal, limits: SizingLimits
) -> dict[str, Target]:
    """Return capital × |weight|, at most max_position_size, in shares with the sign of the weight.

    capital: USD.  Rounds toward zero, to whole shares or to their smallest part; a target of 0 that a weight led to has
    the reason `under_one_share`.
    A signal that has a weight and no price gets no target at all.  Source: ADR-0006 section 2.
    """
    targets = {}
    for signal in signals:
        if signal.target_weight == 0:
            targets[signal.symbol] = Target(symbol=signal.symbol, quantity=Decimal(0))
        elif price := prices.get(signal.symbol):
            dollars = min(capital * abs(signal.target_weight), limits.max_position_size)
            long = signal.target_weight > 0
            shares = shares_for(dollars, price.price, in_parts=long and signal.symbol in limits.in_parts)
            targets[signal.symbol] = Target(
                symbol=signal.symbol,
                quantity=shares if long else -shares,
                reason=None if shares else "under_one_share",
            )
    return targets


def shares_for(dollars: Decimal, price: Decimal, *, in_parts: bool) -> Decimal:
    """Return how many shares the dollars buy, never one part more."""
    if not in_parts:
        # // is exact where / may round a quotient just below a whole number up to it.
        return dollars // price
    parts = Fraction(dollars) / Fraction(price) // Fraction(PART)
    return parts * PART


# own: the weights are those of the strategy's own function already.
SIZINGS: Final[dict[str, SizingFunction]] = {"target_weight": target_weight, "own": target_weight}
