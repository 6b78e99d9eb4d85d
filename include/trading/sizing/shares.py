"""From weights to shares, with every cap in one place; each target says which constraint made it what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from pydantic import Field

from include.trading.bounds import PART
from include.trading.models import Price, Signal, Symbol, Value
from include.trading.sizing.inputs import Bound

# What rounding to whole lots takes away without being named for it.
_UNNAMED: Final = Decimal("0.01")


class SizingLimits(Value):
    """What sizing itself must respect."""

    max_position_size: Decimal = Field(gt=0, description="USD, the most to hold of one symbol, long or short")
    in_parts: frozenset[str] = Field(default=frozenset(), description="symbols of which longs may be parts of a share")
    most_shares: dict[Symbol, Decimal] = Field(
        default={}, description="the most to hold of these on the side of their weight, by how much of them is traded"
    )


class Target(NamedTuple):
    """The signed shares to hold of one symbol.

    reason: why a weight led to none. bound: the constraint that made it what it is.
    stays: why the symbol could not be sized: what is held of it stays.
    """

    symbol: str
    quantity: Decimal
    reason: str | None = None
    bound: Bound = "none"
    stays: str | None = None


def targets_of(
    signals: Sequence[Signal],
    prices: Mapping[str, Price],
    capital: Decimal,
    limits: SizingLimits,
    bounds: Mapping[str, Bound],
) -> dict[str, Target]:
    """Return capital × |weight|, at most max_position_size, in shares with the sign of the weight.

    capital: USD. bounds: what bound a weight before. Rounds toward zero, to whole shares or to their smallest part; a
    target of 0 that a weight led to has the reason `under_one_share`, or `too_little_volume`. A signal that has a
    weight and no price gets no target at all.
    """
    targets = {}
    for signal in signals:
        symbol, weight, bound = signal.symbol, signal.target_weight, bounds.get(signal.symbol, "none")
        if weight == 0:
            reason = "side_conflict" if bound == "side_conflict" else None
            targets[symbol] = Target(symbol, Decimal(0), reason, bound)
        elif price := prices.get(symbol):
            wanted = capital * abs(weight)
            dollars = min(wanted, limits.max_position_size)
            shares = shares_for(dollars, price.price, in_parts=weight > 0 and symbol in limits.in_parts)
            if shares == 0 or (bound == "none" and shares * price.price < dollars * (1 - _UNNAMED)):
                bound = "lot"
            if dollars < wanted and shares:
                bound = "cap"
            reason = "under_one_share"
            if shares > (most := limits.most_shares.get(symbol, shares)):
                shares, reason, bound = most, "too_little_volume", "liquidity"
            quantity = shares if weight > 0 or not shares else -shares
            targets[symbol] = Target(symbol, quantity, None if shares else reason, bound)
    return targets


def shares_for(dollars: Decimal, price: Decimal, *, in_parts: bool) -> Decimal:
    """Return how many shares the dollars buy, never one part more."""
    if not in_parts:
        # // is exact where / may round a quotient just below a whole number up to it.
        return dollars // price
    parts = Fraction(dollars) / Fraction(price) // Fraction(PART)
    return parts * PART
