"""The no-trade band: which changes are too small to trade."""

from __future__ import annotations

from decimal import Decimal

from include.trading.numbers import shares
from include.trading.strategy.band_spec import band_of
from include.trading.strategy.spec import Strategy


def inside_band(delta: Decimal, target: Decimal, price: Decimal, strategy: Strategy) -> str | None:
    """Return the numbers by which a change of delta signed shares is inside the band; None where it is not."""
    band = band_of(strategy.no_trade_band)
    least = band.drift * (strategy.capital_usd if band.of == "capital" else abs(target) * price)
    if abs(delta) * price >= least:
        return None
    return f"{shares(abs(delta))} shares at {price} are less than {least:f} USD"
