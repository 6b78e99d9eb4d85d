"""What becomes of a plan's open orders at the end of its sending window: settled and kept when the plan is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from include.trading.errors import InvalidData
from include.trading.strategy.spec import Strategy

# Its name among a plan's parameters. A plan without it was frozen before there was a choice: its orders are left.
AT_SEND_UNTIL: Final = "at_send_until"


def at_send_until(strategy: Strategy, *, can_cancel: bool) -> Literal["cancel", "leave"]:
    """Return what becomes of them; can_cancel: whether the venue has a cancel.

    Raises InvalidData where the strategy asks for what the venue cannot do.
    """
    asked = strategy.orders.at_send_until
    if asked == "cancel" and not can_cancel:
        raise InvalidData(no_cancel(strategy))
    return asked or ("cancel" if can_cancel else "leave")


def no_cancel(strategy: Strategy) -> str:
    """Say why a strategy that wants its open orders canceled cannot trade at a venue without a cancel."""
    return (
        f"strategy {strategy.id}: expected orders.at_send_until to be leave, because the venue of the connection "
        f"{strategy.venue} cannot cancel an order, got cancel; nothing is planned"
    )


def cancels_at_send_until(parameters: Mapping[str, Any]) -> bool:
    """Say whether a plan's open orders are canceled when its sending window ends."""
    return bool(parameters.get(AT_SEND_UNTIL) == "cancel")
