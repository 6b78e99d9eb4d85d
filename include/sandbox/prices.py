"""Daily closes for every session since 2005-01-03: of 20 symbols real ones **laid on other dates**, else generated.

Row 0 of data/closes.csv.gz lies on the XNYS session 2005-01-03 for good and row i on the i-th session after it, up to
2038, so that today, last year's backfill and next year's repeat exactly (data/make_closes.py made it). Every other
symbol has closes made by a formula from its name alone, but for two that no market has.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import re
from bisect import bisect_right
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

CLOSES = Path(__file__).parent / "data" / "closes.csv.gz"
SYMBOL = re.compile(r"[A-Z][A-Z0-9.\-]{0,14}")
NUMBERED = re.compile(r"GEN(\d{3})")
# For trying what a client does with a symbol that does not exist.
MISSING = frozenset({"NOSUCH", "ZZZZ"})
CENT = Decimal("0.01")


class Prices:
    """Closes by symbol and row; a row is a session's number since the first."""

    def __init__(self) -> None:
        with gzip.open(CLOSES, "rt") as file:
            (_, _, *symbols), *rows = csv.reader(file)
        self.sessions = [date.fromisoformat(row[0]) for row in rows]
        self.session_closes = [float(row[1]) for row in rows]
        self._rows = {session: number for number, session in enumerate(self.sessions)}
        self._closes = {symbol: [float(row[n]) for row in rows] for n, symbol in enumerate(symbols, start=2)}
        # By symbol what became of it from a row on: the symbol whose price it has, and new shares for an old one.
        self.changes: dict[str, list[tuple[int, str, Fraction]]] = {}
        # By symbol the row from which on it is traded no more: it got another name, or was merged.
        self.ended: dict[str, int] = {}
        # How often any of that changed.
        self.version = 0

    def split(self, symbol: str, row: int, ratio: Fraction) -> None:
        """Let the symbol's price be of the new shares from a row on."""
        self.version += 1
        self.changes.setdefault(symbol, []).append((row, symbol, ratio))

    def rename(self, symbol: str, to: str, row: int) -> None:
        """Let another symbol have this one's price from a row on, and those before."""
        self.changes.setdefault(to, []).append((0, symbol, Fraction(1)))
        self.ended.pop(to, None)
        self.end(symbol, row)

    def end(self, symbol: str, row: int) -> None:
        """Let the symbol have no price from a row on."""
        self.version += 1
        self.ended[symbol] = row

    def forget(self) -> None:
        """Be as at the start again."""
        self.version += 1
        self.changes.clear()
        self.ended.clear()

    def is_traded(self, symbol: str, row: int) -> bool:
        return exists(symbol) and row < self.ended.get(symbol, len(self.sessions))

    def row(self, day: date) -> int | None:
        """Return the day's row, None when it is no session."""
        return self._rows.get(day)

    def current_row(self, at: datetime) -> int:
        """Return the current session's row (previous close until own close); only the rows below it have bars."""
        return bisect_right(self.session_closes, at.timestamp())

    def close(self, symbol: str, row: int) -> float | None:
        """Return a close in USD, None for a symbol that does not exist or a row without data."""
        if not 0 <= row < len(self.sessions) or not self.is_traded(symbol, row):
            return None
        return self._close(symbol, row)

    def _close(self, symbol: str, row: int) -> float | None:
        ratio, named = Fraction(1), symbol
        for since, source, by in self.changes.get(symbol, ()):
            if source != symbol:
                named = source
            elif row >= since:
                ratio *= by
        whole = self._as_it_was(symbol, row) if named == symbol else self._close(named, row)
        return whole if whole is None or ratio == 1 else round(float(Fraction(whole) / ratio), 6)

    def _as_it_was(self, symbol: str, row: int) -> float | None:
        real = self._closes.get(symbol)
        return generated_close(symbol, row) if real is None else real[row]

    def symbols(self) -> list[str]:
        """Return the symbols with real closes, then those with generated ones that have a number for a name."""
        return [*self._closes, *(f"GEN{number:03}" for number in range(1, 1000))]

    def quote(self, symbol: str, at: datetime) -> tuple[Decimal, Decimal] | None:
        """Return bid and ask, a cent on either side of what the symbol trades at."""
        price = self.latest(symbol, at)
        return None if price is None else (max(price - CENT, CENT), price + CENT)

    def latest(self, symbol: str, at: datetime) -> Decimal | None:
        """Return what the symbol trades at: the close of the current session, all session long."""
        close = self.close(symbol, self.current_row(at))
        return None if close is None else Decimal(str(close))


def exists(symbol: str) -> bool:
    return symbol not in MISSING and SYMBOL.fullmatch(symbol) is not None


def generated_close(symbol: str, row: int) -> float:
    """Return a close between 8 and 239 USD, the same on every machine."""
    numbered = NUMBERED.fullmatch(symbol)
    number = int(numbered[1]) if numbered else int(hashlib.sha256(symbol.encode()).hexdigest()[:8], 16)
    base = 10 + number * 37 % 190
    return round(base * (1 + 0.2 * math.sin(row / (17 + number % 23) + number)), 2)


@cache
def real_symbols() -> frozenset[str]:
    """Return the symbols whose closes are real ones."""
    with gzip.open(CLOSES, "rt") as file:
        return frozenset(next(csv.reader(file))[2:])


def utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
