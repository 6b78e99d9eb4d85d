"""How much a plan may add to a position, by how much of the symbol is traded on an average day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from include.trading.models import Signal
from include.trading.plan.plan import PlanInputs
from include.trading.plan.valuation import positions, valuation
from include.trading.sizing.shares import Target
from include.trading.strategy.limits import OFF

NO_LIMIT: Final[Mapping[str, Decimal]] = MappingProxyType({})
_ZERO: Final = Decimal(0)


def most_usd(inputs: PlanInputs, signals: Iterable[Signal]) -> Mapping[str, Decimal]:
    """Return the most USD to hold of each signal's symbol on its side, where the strategy limits its share of volume.

    That is what is held of it, open orders included, and the share of a day's volume. A reduction is not limited.
    """
    share, traded = inputs.strategy.limits.volume_share, inputs.traded_usd or {}
    if share == OFF:
        return NO_LIMIT
    book, values = _start(inputs), valuation(inputs)
    most = {}
    for signal in signals:
        symbol, held = signal.symbol, book.get(signal.symbol, _ZERO)
        same_side = abs(held) * values.get(symbol, _ZERO) if held * signal.target_weight > 0 else _ZERO
        most[symbol] = same_side + share * traded.get(symbol, _ZERO)
    return most


def without_volume(inputs: PlanInputs, targets: Mapping[str, Target]) -> dict[str, str]:
    """Return why symbols have no size that are to be increased and whose volume is not known."""
    traded = inputs.traded_usd or {}
    return {
        symbol: "no volume is known of it"
        for symbol, target in targets.items()
        if target.bound == "liquidity" and not traded.get(symbol)
    }


def _start(inputs: PlanInputs) -> dict[str, Decimal]:
    """Return the signed shares that the plan's changes start from: none where the whole target is ordered each time."""
    return {} if inputs.strategy.order_basis == "target" else positions(inputs)
