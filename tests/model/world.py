"""One session as the exhaustive check sees it: a ledger, venues, the wire, workers, and what may still go wrong.

Everything is a small frozen tuple, so that a state is its own key. Time is counted in steps: a POST lasts at most one,
a lease two, and an absence is proven one after the POST's time-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

TARGET = 2
OPENS = 1
TIMEOUT, LEASE, PROOF = 1, 2, 1
ATTEMPT_CAP = 3
HOME = 0


class Order(NamedTuple):
    """A row of the ledger. known: whether an acceptance was ever booked, which no guard reads."""

    quantity: int
    state: str = "planned"
    attempt: int = 0
    lease: int | None = None
    timed_out: int | None = None
    not_found: int = 0
    id_taken: bool = False
    filled: int = 0
    fills: tuple[tuple[str, int], ...] = ()
    known: bool = False


class Held(NamedTuple):
    """What a venue has of an order. accepts: how many orders the broker was given; 0: it is stored as refused."""

    accepts: int
    filled: int = 0


# What a gateway says, as a key that a whole report or error is made from: its kind, then what it tells.
Answer = tuple[Any, ...]


class Worker(NamedTuple):
    """A process. since: when it claimed, sent or asked. fresh: the order's row is as this worker read it."""

    phase: str = "idle"
    order: int = 0
    venue: int = 0
    since: int = 0
    fresh: bool = True
    answer: Answer = ()


class Left(NamedTuple):
    """How often each thing may still go wrong, or be done by a person."""

    kills: int = 0
    losses: int = 0
    lies: int = 0
    hides: int = 0
    overfills: int = 0
    refusals: int = 0
    halts: int = 0
    revisions: int = 0
    switches: int = 0


class World(NamedTuple):
    """wire: POSTs under way that no worker waits for, as (order, venue, when they left)."""

    time: int
    halted: bool
    broken: bool
    revision: int
    orders: tuple[Order, ...]
    venues: tuple[tuple[Held | None, ...], ...]
    connected: int
    wire: tuple[tuple[int, int, int], ...]
    workers: tuple[Worker, ...]
    left: Left


@dataclass(frozen=True)
class Bounds:
    """A part of what is searched.

    until: when the window ends; the session is closed one step later.
    parts: the steps in which an order fills: 0 never, 1 all at once, 2 share by share.
    strict: the venues refuse a second use of an id, and a POST may arrive as late as it likes. Otherwise they take an
    id twice, so that nothing protects an order but our own rules, and no POST arrives after its time-out;
    late: whether it may arrive after its worker has given it up at all.
    alpaca: what the venue says is read by the adapter of Alpaca, otherwise by a gateway's.
    """

    name: str
    workers: int
    left: Left
    until: int = 3
    parts: int = 0
    strict: bool = True
    late: bool = True
    alpaca: bool = False

    @property
    def end(self) -> int:
        return self.until + 1

    @property
    def is_honest(self) -> bool:
        """Whether nothing happens here that a person must hear of."""
        left = self.left
        return not (self.strict or left.lies or left.hides or left.overfills or left.switches)


def first(bounds: Bounds) -> World:
    venues = 2 if bounds.left.switches else 1
    return World(
        time=0,
        halted=False,
        broken=False,
        revision=1,
        orders=(Order(TARGET),),
        venues=((None,),) * venues,
        connected=HOME,
        wire=(),
        workers=(Worker(),) * bounds.workers,
        left=bounds.left,
    )


def canonical(world: World) -> World:
    """Return the world with its workers in order: which of two equal ones does something makes no difference."""
    return world._replace(workers=tuple(sorted(world.workers)), wire=tuple(sorted(world.wire)))


def put(rows: tuple[Any, ...], index: int, value: Any) -> tuple[Any, ...]:
    return (*rows[:index], value, *rows[index + 1 :])
