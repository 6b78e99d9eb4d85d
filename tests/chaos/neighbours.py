"""Faults of what stands beside an order: another plan, a person, another gateway, a split, a machine that slept."""

from __future__ import annotations

from tests.chaos import plays_neighbours
from tests.chaos.fault import Fault

NEIGHBOURS = [
    Fault("another gateway behind the name", play=plays_neighbours.another_gateway),
]
