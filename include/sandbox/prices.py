"""Daily closes for every session since 2005-01-03: real ones of 20 symbols **laid on other dates**, and generated ones.

Row 0 of data/closes.csv.gz lies on the XNYS session 2005-01-03 for good and row i on the i-th session after it, up to
2038, so that today, last year's backfill and next year's repeat exactly (data/make_closes.py made it). GEN001
to GEN999 are made by a formula, for load tests.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
from bisect import bisect_right
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

GENERATED = re.compile(r"GEN(\d{3})")
CENT = Decimal("0.01")


class Prices:
    """Closes by symbol and row; a row is a session's number since the first."""

    def __init__(self) -> None:
        with gzip.open(Path(__file__).parent / "data" / "closes.csv.gz", "rt") as file:
            (_, _, *symbols), *rows = csv.reader(file)
        self.sessions = [date.fromisoformat(row[0]) for row in rows]
        self.session_closes = [float(row[1]) for row in rows]
        self._rows = {session: number for number, session in enumerate(self.sessions)}
        self._closes = {symbol: [float(row[n]) for row in rows] for n, symbol in enumerate(symbols, start=2)}

    def row(self, day: date) -> int | None:
        """Return the day's row, None when it is no session."""
        return self._rows.get(day)

    def current_row(self, at: datetime) -> int:
        """Return the current session's row (previous close until own close); only the rows below it have bars."""
        return bisect_right(self.session_closes, at.timestamp())

    def close(self, symbol: str, row: int) -> float | None:
        """Return a close in USD, None for an unknown symbol or a row without data."""
        if generated := GENERATED.fullmatch(symbol):
            number = int(generated[1])
            base = 10 + number * 37 % 190
            price = round(base * (1 + 0.2 * math.sin(row / (17 + number % 23) + number)), 2)
            return price if 0 <= row < len(self.sessions) else None
        closes = self._closes.get(symbol, [])
        return closes[row] if 0 <= row < len(closes) else None

    def symbols(self) -> list[str]:
        return [*self._closes, *(f"GEN{number:03}" for number in range(1, 1000))]

    def quote(self, symbol: str, at: datetime) -> tuple[Decimal, Decimal] | None:
        """Return bid and ask, a cent on either side of what the symbol trades at."""
        price = self.latest(symbol, at)
        return None if price is None else (max(price - CENT, CENT), price + CENT)

    def latest(self, symbol: str, at: datetime) -> Decimal | None:
        """Return what the symbol trades at: the close of the current session, all session long."""
        close = self.close(symbol, self.current_row(at))
        return None if close is None else Decimal(str(close))


def utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
