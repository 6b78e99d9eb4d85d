"""What the venue says of the symbols of a plan, and which of them may be bought in parts of a share."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from include.trading.models import AssetFacts

if TYPE_CHECKING:
    from include.trading.plan.plan import PlanInputs

# The facts by symbol, None for a symbol that the venue does not know; why it did not answer; None: it tells none, or
# was not asked.
Assets = Mapping[str, AssetFacts | None] | str | None
# Of a part of a share where no venue is asked. Source: https://docs.alpaca.markets/docs/fractional-trading
LEAST_FRACTION_USD: Final = Decimal(1)
NOT_TOLD: Final = (
    "the venue does not say, or was not asked, which symbols may be traded, sold short and bought in parts"
)


def may_split(symbol: str, inputs: PlanInputs) -> bool:
    """Say whether a part of a share of the symbol can be traded, as far as is known.

    Where the venue did not answer it can: nothing is bought then, and who holds a part of a share bought it there.
    """
    if inputs.least_fraction_usd is None:
        return False
    if inputs.assets is None or isinstance(inputs.assets, str):
        return True
    facts = inputs.assets.get(symbol)
    return facts is not None and facts.fractionable


def in_parts(symbol: str, inputs: PlanInputs) -> bool:
    """Say whether longs of the symbol are sized and increased in parts of a share."""
    return inputs.strategy.quantities == "fractional" and may_split(symbol, inputs)


def is_fraction(quantity: Decimal) -> bool:
    return quantity % 1 != 0
