"""Faults of what stands beside an order: another plan, a person, another gateway, a split, a machine that slept."""

from __future__ import annotations

from tests.chaos import plays_books, plays_neighbours
from tests.chaos.fault import BY_OUR_ID, Fault, always, broker_has_it
from tests.chaos.judge import Facts
from tests.chaos.stage import Stage


def _rebound_and_not_there(stage: Stage, facts: Facts) -> bool:
    """Say whether a gateway that may never have had the order is asked for it: its 404 proves nothing."""
    was_rebound = facts.account.binding > 1
    return was_rebound and facts.event("outcome_unknown") and not broker_has_it(stage, facts)


NEIGHBOURS = [
    Fault("fill between two reads of a plan", play=plays_books.fill_between_reads),
    Fault("split overnight", play=plays_books.split_overnight, venues=BY_OUR_ID),
    Fault(
        "corrected while the gateway comes to tell",
        play=plays_books.corrected_while_tracking,
        ends=frozenset({"filled", "canceled"}),
    ),
    Fault("another gateway behind the name", play=plays_neighbours.another_gateway),
    Fault(
        "rebound while an order is unknown",
        play=plays_neighbours.rebound_while_unknown,
        lies=True,
        must_surface=_rebound_and_not_there,
    ),
    Fault(
        "settled while the answer is on its way",
        play=plays_neighbours.settled_too_soon,
        lies=True,
        must_surface=always,
    ),
    Fault("suspended sender", play=plays_neighbours.suspended_sender, ends=frozenset({"filled", "not_sent"})),
]
