"""Two books of an account side by side: what the gateway holds, and what our own rows say that it should."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

Quantities = Mapping[str, Decimal]
# For each symbol that differs: what the gateway says, what the ledger expects.
Differences = dict[str, tuple[Decimal, Decimal]]


def unequal(actual: Quantities, expected: Quantities, symbols: Collection[str]) -> Differences:
    """Return the symbols of which two books have different quantities, with both; a symbol not in a book is zero."""
    zero = Decimal(0)
    pairs = {symbol: (actual.get(symbol, zero), expected.get(symbol, zero)) for symbol in sorted(symbols)}
    return {symbol: pair for symbol, pair in pairs.items() if pair[0] != pair[1]}
