"""A strategy for each sizing model, to be backfilled: only being a backfill keeps its runs from trading."""

from __future__ import annotations

import random
from typing import Any, Final

from include.trading.ports import SignalRequest

# The first has the other models as shadows, so that one report compares them. A volatility target is no model of its
# own: it scales whatever it stands over.
SIZINGS: Final = {
    "risk_parity": "sizing: risk_parity, "
    "shadow: [target_weight, equal_weight, inverse_volatility, {kelly: {horizon: 5}}, confidence]",
    "volatility_target": "sizing: inverse_volatility, volatility_target: {yearly: 0.12, max_gross: 1.5}",
    "target_weight": "sizing: target_weight",
    "equal_weight": "sizing: {equal_weight: {long_gross: 0.8, short_gross: 0.4}}",
    "inverse_volatility": "sizing: {inverse_volatility: {volatility: {ewma: {span: 35}}, short_history: median}}",
    "kelly": "sizing: {kelly: {horizon: 5, fraction: 0.5, short_history: median}}",
    "confidence": "sizing: {confidence: {long_gross: 0.8}}",
}
COMPARED: Final = ("confidence", "equal_weight", "inverse_volatility", "kelly", "risk_parity", "target_weight")
_SYMBOLS: Final = 5


def sized_id(name: str) -> str:
    return f"backfilled_{name}"


def sized_strategies() -> list[str]:
    """Return lines of a strategies file: each strategy with generated symbols of its own."""
    lines = []
    for place, (name, sizing) in enumerate(SIZINGS.items()):
        first = 101 + place * _SYMBOLS
        symbols = ", ".join(f"GEN{number:03}" for number in range(first, first + _SYMBOLS))
        # Due a minute before the close, so that at no hour switching it on starts a run that may send.
        lines.append(
            f"  - {{id: {sized_id(name)}, mode: paper, sandbox_only: true, schedule: session+384, "
            f"signals: {{python: {{function: 'tests.e2e.sized:signals'}}}}, symbols: [{symbols}], "
            f"capital: 100000, max_position_size: 60000, max_gross_weight: 2, {sizing}}}"
        )
    return lines


def signals(request: SignalRequest) -> list[dict[str, Any]]:
    """Return two longs and a short of the day's own, one of whose returns may be on the other side."""
    draw = random.Random(str(request.as_of_date))
    return [
        {
            "symbol": symbol,
            "weight": weight,
            "confidence": round(draw.uniform(0.2, 0.9), 4),
            "predicted_return": round(draw.uniform(-0.2, 1) * weight / 20, 6),
        }
        for symbol, weight in zip(draw.sample(sorted(request.symbols), 3), (0.5, 0.3, -0.2), strict=True)
    ]
