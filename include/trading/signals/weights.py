"""From the rows of a day to a signal for each symbol: scores to weights, ranks, and what an answer left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal

from include.trading.bounds import TARGET_WEIGHT
from include.trading.models import Signal
from include.trading.ports import SignalRequest
from include.trading.signals.rows import Row
from include.trading.strategy.signals_table import TableSignals

_ZERO = Decimal(0)
MOST_TOLD = 10


def signals_of(rows: Sequence[Row], spec: TableSignals, ask: SignalRequest) -> tuple[Signal, ...]:
    """Return the signals, best first; raises ValueError for rows that no plan may be made of."""
    if not rows:
        raise ValueError("expected rows, found none")
    if twice := sorted(symbol for symbol, times in Counter(row.symbol for row in rows).items() if times > 1):
        raise ValueError(f"expected one row per symbol, found several for {named(twice)}")
    foreign = sorted({row.symbol for row in rows} - set(ask.symbols)) if ask.symbols else []
    if foreign:
        raise ValueError(f"expected only the strategy's symbols, found also {named(foreign)}")
    weights = _by_score(rows, spec) if rows[0].score is not None else {row.symbol: row.weight or _ZERO for row in rows}
    ranks = _ranks(rows)
    found = [
        Signal(
            symbol=row.symbol,
            predicted_return=row.predicted_return,
            confidence=row.confidence,
            rank=ranks[row.symbol],
            target_weight=weights[row.symbol],
        )
        for row in rows
    ]
    last = max(signal.rank for signal in found) + 1
    found += [Signal(symbol=symbol, rank=last, target_weight=_ZERO) for symbol in _left_out(found, spec, ask)]
    return tuple(sorted(found, key=lambda signal: (signal.rank, signal.symbol)))


def _by_score(rows: Sequence[Row], spec: TableSignals) -> dict[str, Decimal]:
    """Give equal parts to the best and, short, to the worst, as the Signal Service does."""
    if spec.top_n is None and spec.bottom_n is None:
        raise ValueError("expected weights, found scores: say with top_n and bottom_n how many to hold")
    top, bottom = spec.top_n or 0, spec.bottom_n or 0
    if len(rows) < top + bottom:
        raise ValueError(f"expected scores of at least {top + bottom} symbols (top_n + bottom_n), found {len(rows)}")
    ordered = [row.symbol for row in sorted(rows, key=lambda row: (-(row.score or _ZERO), row.symbol))]
    weights = dict.fromkeys(ordered, _ZERO)
    for symbols, count, sign in ((ordered[:top], top, 1), (ordered[len(ordered) - bottom :], bottom, -1)):
        weights |= dict.fromkeys(symbols, sign * _part(count))
    return weights


def _part(count: int) -> Decimal:
    if not count:
        return _ZERO
    # Down, so that the parts never add up to more than 1.
    return (Decimal(1) / count).quantize(Decimal(1).scaleb(-TARGET_WEIGHT.scale), rounding=ROUND_DOWN)


def _ranks(rows: Sequence[Row]) -> dict[str, int]:
    if all(row.rank is not None for row in rows):
        return {row.symbol: row.rank or 1 for row in rows}
    numbers = {row.symbol: (row.weight if row.score is None else row.score) or _ZERO for row in rows}
    places = {number: place for place, number in enumerate(sorted(set(numbers.values()), reverse=True), start=1)}
    return {symbol: places[number] for symbol, number in numbers.items()}


def _left_out(found: Sequence[Signal], spec: TableSignals, ask: SignalRequest) -> list[str]:
    """Return the symbols that have weight 0 because a complete answer leaves them out.

    Raises ValueError when too many of the names held vanish at once: that is half a file more often than a decision.
    """
    if not spec.complete:
        return []
    there = {signal.symbol for signal in found}
    held = sorted(symbol for symbol in ask.held if not ask.symbols or symbol in ask.symbols)
    vanished = [symbol for symbol in held if symbol not in there]
    if len(vanished) > spec.max_vanished * len(held):
        raise ValueError(
            f"expected rows for the names held, found none for {len(vanished)} of {len(held)} ({named(vanished)}), "
            f"which is more than max_vanished, {spec.max_vanished:f}; give them weight 0 if they are to be closed"
        )
    return sorted({*ask.symbols, *vanished} - there)


def named(symbols: Sequence[str]) -> str:
    more = len(symbols) - MOST_TOLD
    return ", ".join(symbols[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")
