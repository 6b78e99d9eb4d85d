"""What all positions are worth, long and short apart: after a fill only its own symbol is valued again."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from include.sandbox.alpaca.tally import Tally
from include.sandbox.prices import Prices

NOTHING = Decimal(0)


class Valuation:
    def __init__(self, tally: Tally, prices: Prices) -> None:
        self._tally, self._prices = tally, prices
        self._begin(-1)

    def totals(self, row: int, foreign: Mapping[str, Decimal]) -> tuple[Decimal, Decimal]:
        """Return the value of the long positions and, negative, of the short ones at the prices of a session.

        foreign: what is held besides the executions.
        """
        if (row, self._prices.version) != self._at or self._tally.is_new:
            self._begin(row)
        for symbol in self._tally.changed:
            self._replace(symbol, self._tally.net[symbol] * self._price(symbol))
        self._tally.changed.clear()
        long, short = self._long, self._short
        for symbol, qty in foreign.items():
            before = self._values.get(symbol, NOTHING)
            after = before + qty * self._price(symbol)
            long += max(after, NOTHING) - max(before, NOTHING)
            short += min(after, NOTHING) - min(before, NOTHING)
        return long, short

    def _begin(self, row: int) -> None:
        self._row, self._at = row, (row, self._prices.version)
        self._long = self._short = NOTHING
        self._values: dict[str, Decimal] = {}
        self._tally.is_new = False
        self._tally.changed = set(self._tally.net)

    def _replace(self, symbol: str, after: Decimal) -> None:
        before = self._values.get(symbol, NOTHING)
        self._long += max(after, NOTHING) - max(before, NOTHING)
        self._short += min(after, NOTHING) - min(before, NOTHING)
        self._values[symbol] = after

    def _price(self, symbol: str) -> Decimal:
        return Decimal(str(self._prices.close(symbol, self._row) or 0))
