"""The promise, as what must hold in every state, and what must hold when the session is closed."""

from __future__ import annotations

from include.trading.order.states import FINAL, NEVER_SENT, REFUSED, UNRESOLVED
from tests.model.moves import _reported, _saved, said
from tests.model.rules import Rules
from tests.model.world import HOME, TARGET, Bounds, World


def broken_now(world: World, bounds: Bounds) -> str | None:
    """Return what is broken in this state, None if nothing is."""
    for number, order in enumerate(world.orders):
        accepts = sum(held.accepts for rows in world.venues if (held := rows[number]) is not None)
        if accepts > 1:
            return f"order {number + 1} is accepted {accepts} times"
        booked = sum(quantity for _, quantity in order.fills)
        if booked != order.filled and not world.broken:
            return f"{booked} shares are booked as fills of order {number + 1}, {order.filled} are held"
    if world.broken and bounds.is_honest:
        return "the account halts although the venue keeps its contract"
    return None


def is_over(world: World, bounds: Bounds) -> bool:
    return world.time == bounds.end and all(worker.phase == "idle" for worker in world.workers)


def broken_at_the_end(world: World, rules: Rules, bounds: Bounds) -> str | None:
    """Close the session as closing does, and return what is broken then and reported nowhere."""
    if not rules.is_home(world.connected):
        # The comparison is refused and told: nothing is concluded from another venue's books.
        return None
    venue = world.connected
    for number in range(len(world.orders)):
        world = _closed(world, rules, number, venue)
    held = sum(rows.filled for rows in world.venues[venue] if rows is not None)
    ours = sum(order.filled for order in world.orders)
    if held != ours and rules.compares_books:
        world = world._replace(broken=True)
    if world.broken and bounds.is_honest:
        return "closing halts the account although the venue keeps its contract"
    if world.broken or any(order.state in UNRESOLVED for order in world.orders):
        return None
    bought = sum(rows.filled for at in world.venues for rows in at if rows is not None)
    if bought > TARGET:
        return f"{bought} shares are bought of {TARGET} intended, and nothing says so"
    for number, order in enumerate(world.orders):
        if order.id_taken and not order.known and order.state in NEVER_SENT:
            return f"order {number + 1} is {order.state}, the venue called its id taken, and nothing says so"
        there = world.venues[HOME][number]
        if there is not None and there.accepts and order.state in NEVER_SENT | REFUSED:
            return f"order {number + 1} is {order.state}, the venue took it, and nothing says so"
        if there is not None and there.filled != order.filled:
            return f"order {number + 1} filled {there.filled}, {order.filled} are booked, and nothing says so"
    return None


def _closed(world: World, rules: Rules, number: int, venue: int) -> World:
    """Look at an order for the last time; the venue tells the truth now, or its positions do."""
    order, told = world.orders[number], said(world, number, venue)
    if order.state in UNRESOLVED:
        if told is None and not order.id_taken:
            return _saved(world, number, order._replace(state="not_sent"))
        return world if told is None else _reported(world, rules, number, told)
    if order.state == "planned":
        world = _saved(world, number, order._replace(state="not_sent"))
        order = world.orders[number]
    if order.state == "open":
        if told is None:
            return world._replace(broken=world.broken or rules.compares_books)
        return _reported(world, rules, number, told)
    again = rules.looks_again and rules.compares_books and order.attempt and order.state in FINAL - {"filled"}
    return _reported(world, rules, number, told) if again and told is not None else world
