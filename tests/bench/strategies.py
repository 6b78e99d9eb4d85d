"""Strategies whose every symbol gives an order, each time they trade from a flat book."""

from __future__ import annotations

from typing import Any

# The sandbox generates prices of GEN001 to GEN999, between 8 and 239 USD; one real symbol makes a thousand.
SYMBOLS = (*(f"GEN{number:03}" for number in range(1, 1000)), "AAPL")


def entry(orders: int) -> dict[str, Any]:
    """Return the entry of the strategies file with so many symbols (5 to 1000).

    All limits are the defaults. The cap of a position decides its size, so that none is under one share; the capital is
    far above what is traded, so that no limit is met, a day's turnover of many runs included. The band would otherwise
    be wider than a position, and the pace is higher than anybody can send.
    """
    return {
        "id": "daily_trading",
        "schedule": None,
        "mode": "paper",
        "sandbox_only": True,
        "market_hours": False,
        "symbols": list(SYMBOLS[:orders]),
        "signals": {"service": {"top_n": orders - orders // 2, "bottom_n": orders // 2}},
        "capital": 100_000_000,
        "max_position_size": 2_000,
        "no_trade_band": 0,
        "orders": {"per_minute": 1_000_000},
    }
