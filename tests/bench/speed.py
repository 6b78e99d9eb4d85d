"""How fast the machine is at this moment: a fixed loop, so that results of different hours can be compared."""

from __future__ import annotations

from statistics import median
from time import perf_counter

ADDITIONS = 5_000_000
LOOPS = 3


def loop_seconds() -> float:
    """Return the seconds that so many additions in Python take now, the median of a few loops."""
    return median(_one_loop() for _ in range(LOOPS))


def _one_loop() -> float:
    began = perf_counter()
    total = 0
    for number in range(ADDITIONS):
        total += number
    return perf_counter() - began
