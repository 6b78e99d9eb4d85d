"""What a sizing model is given and what it answers: frozen values without NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Final, Literal, NamedTuple

from include.trading.bounds import TARGET_WEIGHT

# What made a weight or a quantity what it is, besides the model: the last of these that changed it.
Bound = Literal["none", "side_conflict", "volatility_target", "gross", "cap", "liquidity", "lot"]

_SMALLEST: Final = Decimal(1).scaleb(-TARGET_WEIGHT.scale)


class Name(NamedTuple):
    """A symbol that the signals give a weight.

    side: 1 or -1, the sign of the signal's weight.
    """

    symbol: str
    weight: Decimal
    predicted_return: Decimal | None = None
    confidence: Decimal | None = None

    @property
    def side(self) -> int:
        return 1 if self.weight > 0 else -1


@dataclass(frozen=True, slots=True)
class History:
    """Closes adjusted for splits and dividends, by symbol: one for each session, oldest first, None where none is.

    Only the ratios of one symbol's closes mean something: what the adjustment is relative to may differ.
    """

    sessions: tuple[date, ...]
    closes: Mapping[str, Sequence[Decimal | None]]

    def last(self, count: int) -> History:
        """Return the newest sessions only."""
        if count >= len(self.sessions):
            return self
        return History(self.sessions[-count:], {symbol: closes[-count:] for symbol, closes in self.closes.items()})


@dataclass(frozen=True, slots=True)
class SizingInputs:
    """names: by symbol, so that the order in which signals came decides nothing.

    current: signed weight, as a share of capital, of what is held and open.
    """

    names: tuple[Name, ...]
    history: History | None = None
    current: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(name.symbol for name in self.names)


@dataclass(frozen=True, slots=True)
class Weights:
    """weights: signed shares of capital, of each name that can be sized.

    bounds: what made a weight other than the model's own.
    unsized: why a name has no weight; what is held of it stays, and counts towards the ceilings on gross.
    """

    weights: Mapping[str, Decimal]
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    unsized: Mapping[str, str] = field(default_factory=dict)


def weight_of(number: float) -> Decimal:
    """Return a computed weight as the ledger keeps it, rounded toward zero."""
    return Decimal(repr(float(number))).quantize(_SMALLEST, rounding=ROUND_DOWN) + Decimal(0)


class Rooms(NamedTuple):
    """How much may be held long and short, both positive shares of capital."""

    longs: Decimal
    shorts: Decimal

    def of(self, side: int) -> Decimal:
        return self.longs if side > 0 else self.shorts


def rooms(inputs: SizingInputs, long_gross: Decimal, short_gross: Decimal, unsized: Mapping[str, str]) -> Rooms:
    """Return what is left of each book for the names that can be sized: what is held of the others stays in it."""
    staying = [inputs.current.get(symbol, Decimal(0)) for symbol in unsized]
    longs = sum((weight for weight in staying if weight > 0), Decimal(0))
    shorts = -sum((weight for weight in staying if weight < 0), Decimal(0))
    return Rooms(max(long_gross - longs, Decimal(0)), max(short_gross - shorts, Decimal(0)))


def within(weights: Mapping[str, Decimal], room: Rooms) -> tuple[dict[str, Decimal], dict[str, Bound]]:
    """Scale each side down to its room where it is above it; return which names that bound."""
    sums = {side: sum((abs(each) for each in weights.values() if each * side > 0), Decimal(0)) for side in (1, -1)}
    scaled: dict[str, Decimal] = {}
    bounds: dict[str, Bound] = {}
    for symbol, weight in weights.items():
        side = 1 if weight > 0 else -1
        if weight and sums[side] > room.of(side):
            scaled[symbol] = (weight * room.of(side) / sums[side]).quantize(_SMALLEST, rounding=ROUND_DOWN)
            bounds[symbol] = "gross"
        else:
            scaled[symbol] = weight
    return scaled, bounds
