"""A sizing and a risk rule of one's own, named in the strategies file; nothing of the package is changed.

sizing: {own: {function: "own_parts:equal_amounts"}}
rules: ["own_parts:no_tuesdays"]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from include.trading.models import Price, Signal
from include.trading.plan.plan import PlannedOrder
from include.trading.plan.risk import Situation
from include.trading.sizing.shares import SizingLimits

TUESDAY = 1


def equal_amounts(
    signals: Sequence[Signal], prices: Mapping[str, Price], capital: Decimal, limits: SizingLimits
) -> dict[str, Decimal]:
    """Return the same weight for every signal that has one, long or short by its sign, 0 for the others."""
    chosen = sum(1 for signal in signals if signal.target_weight)
    each = min(Decimal(1) / max(chosen, 1), limits.max_position_size / capital)
    return {
        signal.symbol: each.copy_sign(signal.target_weight) if signal.target_weight else Decimal(0)
        for signal in signals
    }


def no_tuesdays(order: PlannedOrder, situation: Situation) -> str | None:
    """Deny every increase on a Tuesday (UTC): return the sentence that people read, None to let the order through."""
    if situation.now.weekday() == TUESDAY:
        return f"{order.symbol} is not increased on a Tuesday"
    return None
