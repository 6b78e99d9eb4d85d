"""The no-trade band: which changes are too small to trade."""

from __future__ import annotations

from decimal import Decimal

from include.trading.numbers import amount, shares
from include.trading.strategy.band_spec import DriftBand


def inside_band(delta: Decimal, target: Decimal, price: Decimal, band: DriftBand, capital: Decimal) -> str | None:
    """Return the numbers by which a change of delta signed shares is inside the band; None where it is not."""
    least = band.drift * (capital if band.of == "capital" else abs(target) * price)
    if abs(delta) * price >= least:
        return None
    return f"{shares(abs(delta))} shares at {price:f} are less than {amount(least)} USD"
