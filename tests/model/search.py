"""Breadth first over every state, so that the first broken promise found is one by the fewest steps."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tests.model.moves import moves
from tests.model.promise import broken_at_the_end, broken_now, is_over
from tests.model.rules import Rules
from tests.model.world import Bounds, World, canonical, first


@dataclass(frozen=True)
class Found:
    """What a search saw. broken: the promise that does not hold, None if all do; steps: the shortest way there."""

    bounds: Bounds
    states: int
    ends: int
    broken: str | None = None
    steps: tuple[str, ...] = ()


def search(bounds: Bounds, rules: Rules, sign: str = "") -> Found:
    """Visit every state within the bounds, or stop at the first that breaks the promise in words that hold `sign`."""
    start = canonical(first(bounds))
    parents: dict[World, World | None] = {start: None}
    queue = deque([start])
    ends = 0
    while queue:
        world = queue.popleft()
        if is_over(world, bounds):
            ends += 1
            if (broken := broken_at_the_end(world, rules, bounds)) is not None and sign in broken:
                steps = (*_steps(world, parents, rules, bounds), "the session is closed")
                return Found(bounds, len(parents), ends, broken, steps)
        for words, following, wrong in moves(world, rules, bounds):
            following = canonical(following)
            if following in parents and wrong is None:
                continue
            broken = wrong or broken_now(following, bounds)
            if broken is not None and sign in broken:
                steps = (*_steps(world, parents, rules, bounds), words)
                return Found(bounds, len(parents), ends, broken, steps)
            if following not in parents:
                parents[following] = world
                queue.append(following)
    return Found(bounds, len(parents), ends)


def _steps(world: World, parents: dict[World, World | None], rules: Rules, bounds: Bounds) -> tuple[str, ...]:
    """Return the steps to a state in words, found again from parent to child."""
    words: list[str] = []
    while (parent := parents[world]) is not None:
        child = world
        words.append(next(text for text, to, _ in moves(parent, rules, bounds) if canonical(to) == child))
        world = parent
    return tuple(reversed(words))
