"""Scales the two books of a portfolio to the gross that each is given."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from include.trading.bounds import TARGET_WEIGHT
from include.trading.sizing.inputs import Rooms


def scaled_to(room: Rooms, proportions: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return weights in these signed proportions, of which each side adds up to its room, rounded toward zero."""
    smallest = Decimal(1).scaleb(-TARGET_WEIGHT.scale)
    sums = {side: sum((abs(each) for each in proportions.values() if each * side > 0), Decimal(0)) for side in (1, -1)}
    return {
        symbol: (each * room.of(side) / sums[side]).quantize(smallest, rounding=ROUND_DOWN) + Decimal(0)
        if sums[side := 1 if each > 0 else -1]
        else Decimal(0)
        for symbol, each in proportions.items()
    }
