"""What every answer must be, whichever source gave it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from include.trading.models import Signal, SignalSet
from include.trading.numbers import amount
from include.trading.ports import SignalRequest
from include.trading.signals.weights import named
from include.trading.strategy.spec import Strategy

# Sources compute in floats: eleven times one eleventh is a little above 1.
ROUNDING = Decimal("1e-9")


def check_answer(found: SignalSet, strategy: Strategy, ask: SignalRequest) -> None:
    """Raise ValueError unless the answer is of the day, about the strategy's symbols, and of no more than it allows."""
    if found.as_of_date != ask.as_of_date:
        raise ValueError(f"expected signals of {ask.as_of_date}, found those of {found.as_of_date}")
    times = Counter(signal.symbol for signal in found.signals)
    if twice := sorted(symbol for symbol, count in times.items() if count > 1):
        raise ValueError(f"expected one signal per symbol, found several for {named(twice)}")
    if strategy.symbols and (foreign := sorted(times.keys() - set(strategy.symbols))):
        raise ValueError(f"expected only the strategy's symbols, found also {named(foreign)}")
    check_sides(found.signals, *strategy.signals.most_names)
    gross = gross_weight(found.signals)
    if gross > strategy.max_gross_weight + ROUNDING:
        raise ValueError(
            f"the signals' gross weight is {amount(gross)}, expected at most {amount(strategy.max_gross_weight)} "
            f"(max_gross_weight of strategy {strategy.id}); the whole answer is refused"
        )


def check_sides(signals: Sequence[Signal], top_n: int | None, bottom_n: int | None) -> None:
    """Raise ValueError when more is held long or short than was asked for; fewer is the source's to decide."""
    for side, name, most, names in (
        ("long", "top_n", top_n, [signal.symbol for signal in signals if signal.target_weight > 0]),
        ("short", "bottom_n", bottom_n, [signal.symbol for signal in signals if signal.target_weight < 0]),
    ):
        if most is not None and len(names) > most:
            raise ValueError(f"expected at most {most} {side} ({name}), got {len(names)}: {named(sorted(names))}")


def gross_weight(signals: Sequence[Signal]) -> Decimal:
    return sum((abs(signal.target_weight) for signal in signals), Decimal(0))
