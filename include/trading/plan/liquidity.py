"""How much a plan may add to a position, by how much of the symbol is traded on an average day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from include.trading.models import Price, Signal
from include.trading.plan.assets import in_parts
from include.trading.plan.plan import PlanInputs
from include.trading.plan.valuation import positions
from include.trading.sizing.shares import Target, shares_for
from include.trading.strategy.limits import OFF
from include.trading.strategy.spec import Strategy

NO_LIMIT: Final[Mapping[str, Decimal]] = MappingProxyType({})
_ZERO: Final = Decimal(0)


def most_shares(inputs: PlanInputs, signals: Iterable[Signal]) -> Mapping[str, Decimal]:
    """Return the most shares to hold of each signal's symbol on its side, where the strategy limits its volume.

    They are what is held of it, open orders included, and what the share of a day's volume buys. A reduction is not
    limited.
    """
    share, traded = inputs.strategy.limits.volume_share, inputs.traded_usd or {}
    if share == OFF:
        return NO_LIMIT
    book, most = _start(inputs), {}
    for signal in signals:
        symbol, price, held = signal.symbol, inputs.prices.get(signal.symbol), book.get(signal.symbol, _ZERO)
        if isinstance(price, Price):
            usd, parts = share * traded.get(symbol, _ZERO), signal.target_weight > 0 and in_parts(symbol, inputs)
            added = shares_for(usd, price.price, in_parts=parts)
            most[symbol] = added + (abs(held) if held * signal.target_weight > 0 else _ZERO)
    return most


def without_volume(inputs: PlanInputs, targets: Mapping[str, Target]) -> dict[str, str]:
    """Return why symbols that are to be increased but have no known volume get no size."""
    traded = inputs.traded_usd or {}
    return {
        symbol: "no volume is known of it"
        for symbol, target in targets.items()
        if target.bound == "liquidity" and not traded.get(symbol)
    }


def unlimited(strategy: Strategy) -> Strategy:
    """Return the strategy without its limit by volume, as a replay plans it.

    A replay begins with nothing held, so that the limit of what is added would be one of what is held.
    """
    return strategy.model_copy(update={"limits": strategy.limits.model_copy(update={"volume_share": OFF})})


def _start(inputs: PlanInputs) -> dict[str, Decimal]:
    """Return the signed shares that the plan's changes start from: none where the whole target is ordered each time."""
    return {} if inputs.strategy.order_basis == "target" else positions(inputs)
