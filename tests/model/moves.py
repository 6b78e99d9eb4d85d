"""Everything that may happen next: a step of a worker, of the wire, of the clock, of a venue or of a person."""

from __future__ import annotations

from collections.abc import Iterator

from include.trading.errors import InvalidData
from include.trading.order.states import NEVER_SENT, REFUSED, UNRESOLVED
from tests.model.rules import Rules, booked, decision, is_proven, may_post
from tests.model.world import (
    LEASE,
    OPENS,
    TARGET,
    TIMEOUT,
    Answer,
    Bounds,
    Held,
    Left,
    Order,
    Worker,
    World,
    put,
)

# A step in words, what it leads to, and the promise that it breaks if it breaks one.
Move = tuple[str, World, str | None]
IDLE = Worker()


def moves(world: World, rules: Rules, bounds: Bounds) -> Iterator[Move]:
    """Yield every step that is possible in this world."""
    if world.time < bounds.end:
        yield f"it is {world.time + 1}", world._replace(time=world.time + 1), None
    yield from _of_people(world, rules, bounds)
    yield from _of_venues(world, bounds)
    for position, (order, venue, left_at) in enumerate(world.wire):
        if bounds.strict or world.time <= left_at + TIMEOUT:
            rest = world._replace(wire=world.wire[:position] + world.wire[position + 1 :])
            yield f"a late POST of order {order + 1} arrives", _arrived(rest, order, venue, bounds), None
    for worker in dict.fromkeys(world.workers):
        index = world.workers.index(worker)
        yield from _of_worker(world, rules, bounds, index)
        if worker.phase != "idle" and world.left.kills:
            dead = _used(_orphaned(_with(world, index, IDLE), worker, bounds), "kills")
            yield f"a worker dies {_where(worker)}", dead, None


def _of_people(world: World, rules: Rules, bounds: Bounds) -> Iterator[Move]:
    if world.left.halts and not world.halted:
        yield "a person halts the account", _used(world._replace(halted=True), "halts"), None
    if world.left.switches and world.connected == 0:
        yield "the gateway's name points to another venue", _used(world._replace(connected=1), "switches"), None
    if world.left.revisions and world.time < bounds.until:
        yield from _revise(world, rules)


def _revise(world: World, rules: Rules) -> Iterator[Move]:
    """Plan revision 2: refused while an outcome is unknown; closes revision 1; counts what it holds and still works."""
    (order,) = world.orders
    if order.state in UNRESOLVED and rules.stops_at_unknown:
        return
    planned = _used(world, "revisions")._replace(revision=2)
    if rules.looks_again and order.attempt and order.state in NEVER_SENT | REFUSED:
        told = said(world, 0, world.connected) if rules.is_home(world.connected) else None
        if told is not None and (changed := _reported(planned, rules, 0, told)).broken:
            yield "revision 2 is asked for and refused: the venue has the order", changed._replace(revision=1), None
            return
    if order.state == "planned" and rules.closes_revision:
        planned = _saved(planned, 0, order._replace(state="not_sent"))
    if not rules.closes_revision:
        planned = planned._replace(revision=0)
    working = order.quantity - order.filled if order.state == "open" else 0
    if rules.reads_book_at_once:
        yield "revision 2 is planned", _ordered(planned, TARGET - order.filled - working), None
        return
    # What is held is read now, and what is working by a later statement.
    for index, worker in enumerate(world.workers):
        if worker.phase == "idle":
            reader = Worker("planning", 0, since=order.filled)
            yield "revision 2 reads what is held", _with(_used(world, "revisions"), index, reader), None
            return


def _ordered(world: World, quantity: int) -> World:
    if quantity <= 0:
        return world
    return world._replace(orders=(*world.orders, Order(quantity)), venues=tuple((*held, None) for held in world.venues))


def _of_venues(world: World, bounds: Bounds) -> Iterator[Move]:
    for venue, rows in enumerate(world.venues):
        for index, held in enumerate(rows):
            if held is None or not held.accepts:
                continue
            quantity = world.orders[index].quantity
            if held.filled < quantity and bounds.parts:
                filled = held.filled + 1 if bounds.parts > 1 else quantity
                yield f"order {index + 1} fills: {filled}", _holds(world, venue, index, filled), None
            elif held.filled == quantity and world.left.overfills:
                more = _used(_holds(world, venue, index, held.filled + 1), "overfills")
                yield f"order {index + 1} fills a share more than ordered", more, None


def _holds(world: World, venue: int, index: int, filled: int) -> World:
    held = world.venues[venue][index]
    assert held is not None
    rows = put(world.venues[venue], index, held._replace(filled=filled))
    return world._replace(venues=put(world.venues, venue, rows))


def _of_worker(world: World, rules: Rules, bounds: Bounds, index: int) -> Iterator[Move]:
    worker = world.workers[index]
    match worker.phase:
        case "idle":
            for order in range(len(world.orders)):
                yield from _started(world, rules, bounds, index, order)
        case "claimed":
            yield from _posted(world, rules, bounds, index)
        case "posted":
            yield from _answers(world, bounds, index)
        case "planning":
            (order, *_) = world.orders
            working = order.quantity - order.filled if order.state == "open" else 0
            if order.state not in {*UNRESOLVED, "planned"}:
                planned = _with(world, index, IDLE)._replace(revision=2)
                yield "revision 2 reads what is working", _ordered(planned, TARGET - worker.since - working), None
        case _:
            yield f"a worker books {_told(worker)}", _booked(world, rules, index), None


def _started(world: World, rules: Rules, bounds: Bounds, index: int, number: int) -> Iterator[Move]:
    """Begin with an order what its state asks for: send, close, look up or follow it."""
    order, name = world.orders[number], f"order {number + 1}"
    if order.state == "open":
        yield from _looked(world, rules, bounds, index, number)
        return
    if order.state not in {"planned", *UNRESOLVED}:
        return
    # Without revision 1 closed (revision 0) both plans are open.
    plan_open = world.revision in (0, number + 1)
    match decision(rules, order, world.time, bounds.until, plan_open=plan_open, halted=world.halted):
        case "send" if rules.is_home(world.connected):
            claimed = order._replace(
                state="sending",
                attempt=order.attempt + 1,
                lease=world.time + LEASE,
                timed_out=world.time + TIMEOUT,
                not_found=0,
            )
            claim = Worker("claimed", number, world.connected, world.time)
            stored = _saved(world, number, claimed) if rules.claims_before_post else world
            yield f"a worker claims {name}", _with(stored, index, claim), _wrong_send(world, order, bounds)
        case "deny":
            yield f"{name} is denied", _saved(world, number, order._replace(state="denied")), None
        case "close":
            yield f"{name} is closed unsent", _saved(world, number, order._replace(state="not_sent")), None
        case "resolve" if not rules.looks_up:
            yield f"{name} is planned again without a look-up", _saved(world, number, _freed(order)), None
        case "resolve" if order.state == "sending":
            yield f"the lease of {name} is over: unknown", _saved(world, number, _unknown(order, world.time)), None
        case "resolve":
            yield from _looked(world, rules, bounds, index, number)


def _wrong_send(world: World, order: Order, bounds: Bounds) -> str | None:
    if world.halted:
        return "an order is sent while the account is halted"
    if not OPENS <= world.time < bounds.until:
        return "an order is sent outside of its window"
    return "an order is sent again although its acceptance is known" if order.known else None


def _posted(world: World, rules: Rules, bounds: Bounds, index: int) -> Iterator[Move]:
    worker = world.workers[index]
    if may_post(rules, now=world.time, lease_until=worker.since + LEASE, until=bounds.until):
        wrong = None if OPENS <= world.time < bounds.until else "a POST leaves outside of its window"
        sent = worker._replace(phase="posted", since=world.time)
        yield f"a POST of order {worker.order + 1} leaves", _with(world, index, sent), wrong
    else:
        late = worker._replace(phase="answered", since=0, answer=("refused",))
        yield "a worker woke up too late to send", _with(world, index, late), None


def _answers(world: World, bounds: Bounds, index: int) -> Iterator[Move]:
    """What may become of a POST and of its answer."""
    worker, left = world.workers[index], world.left
    number, venue = worker.order, worker.venue
    name = f"order {number + 1}"
    there = world.venues[venue][number]

    def answered(of: World, *answer: object) -> World:
        return _with(of, index, worker._replace(phase="answered", since=0, answer=answer))

    if world.time >= worker.since + TIMEOUT:
        yield f"the POST of {name} times out", answered(_orphaned(world, worker, bounds), "lost"), None
    if not bounds.strict and world.time > worker.since + TIMEOUT:
        return
    arrived = _arrived(world, number, venue, bounds)
    told = said(arrived, number, venue)
    if told is not None:
        yield f"the venue takes {name} and says so", answered(arrived, *told), None
    if left.losses:
        yield f"the venue takes {name}, its answer is lost", answered(_used(arrived, "losses"), "lost"), None
        yield f"the POST of {name} is refused a connection", answered(_used(world, "losses"), "refused"), None
    if left.refusals and there is None:
        rows = put(world.venues[venue], number, Held(0))
        refused = _used(world, "refusals")._replace(venues=put(world.venues, venue, rows))
        yield f"the venue refuses {name}", answered(refused, "rejected"), None
    if left.lies:
        lied = _used(arrived, "lies")
        yield f"the venue takes {name} and says rejected", answered(lied, "rejected"), None
        yield f"the venue takes {name} and says that it is halted", answered(lied, "refused"), None
        yield f"the venue takes {name} and says 200 rejected", answered(lied, "report", "rejected", 0, ()), None
        yield f"the venue calls the id of {name} taken", answered(_used(world, "lies"), "taken"), None
        nothing = answered(_used(world, "lies"), "report", "accepted", 0, ())
        yield f"the venue says that it took {name} and did not", nothing, None


def _looked(world: World, rules: Rules, bounds: Bounds, index: int, number: int) -> Iterator[Move]:
    if not rules.is_home(world.connected):
        return
    worker = Worker("looked", number, world.connected, world.time)

    def sees(of: World, answer: Answer) -> World:
        return _with(of, index, worker._replace(answer=answer))

    told = said(world, number, world.connected)
    name = f"order {number + 1}"
    order = world.orders[number]
    if order.state == "open" and (told is None or booked(rules, order, told, answered=False) == (order, False)):
        return
    yield f"a worker looks up {name}: {_words(told)}", sees(world, told or ("none",)), None
    held = world.venues[world.connected][number]
    if world.left.hides and held is not None and held.accepts:
        yield f"a look-up of {name} is answered 404 though it is there", sees(_used(world, "hides"), ("none",)), None
    if world.left.lies and held is not None and held.accepts:
        lied, ids = _used(world, "lies"), _ids(held.filled)
        yield f"a look-up of {name} is answered 404 though it is there", sees(lied, ("none",)), None
        yield f"a look-up of {name} says rejected", sees(lied, ("report", "rejected", 0, ())), None
        yield f"a look-up of {name} says filled, without a quantity", sees(lied, ("report", "filled", 0, ())), None
        if ids:
            twice = ("report", "partially_filled", held.filled, (*ids, ids[-1]))
            yield f"a look-up of {name} lists a fill twice", sees(lied, twice), None


def _booked(world: World, rules: Rules, index: int) -> World:
    """Write what a worker heard, if the row is still as it read it; a report is held against the row as it is now."""
    worker = world.workers[index]
    order, kind = world.orders[worker.order], worker.answer[0]
    world = _with(world, index, IDLE)
    current = worker.fresh or not rules.compares_and_sets
    if kind == "report":
        if current or order.state in NEVER_SENT | UNRESOLVED:
            return _reported(world, rules, worker.order, worker.answer, answered=worker.phase == "answered")
        return world
    if not current:
        return world
    was = order.state if worker.phase == "looked" else "sending"
    match kind:
        case "rejected":
            new = order._replace(state="rejected", lease=None)
        case "refused":
            new = _freed(order)
        case "lost" | "taken":
            new = _unknown(order, world.time)._replace(id_taken=order.id_taken or kind == "taken")
            if not rules.doubts_silence:
                new = new._replace(state="rejected")
        case _ if order.state != "unknown":
            return world
        case _ if is_proven(rules, order, worker.since if rules.dates_by_asking else world.time):
            new = _freed(order)._replace(not_found=0)
        case _:
            new = order._replace(not_found=min(order.not_found + 1, 2))
    if new.state != was:
        try:
            rules.check_transition(was, new.state)
        except InvalidData:
            return world
    return _saved(world, worker.order, new)


def _reported(world: World, rules: Rules, number: int, answer: Answer, *, answered: bool = False) -> World:
    order = world.orders[number]
    new, contradicts = booked(rules, order, answer, answered=answered)
    if contradicts:
        world = world._replace(broken=True, halted=True)
    return world if new == order else _saved(world, number, new)


def said(world: World, number: int, venue: int) -> Answer | None:
    """Return what the venue truly says of an order, None when it has none."""
    held = world.venues[venue][number]
    if held is None:
        return None
    if not held.accepts:
        return ("report", "rejected", 0, ())
    status = "accepted" if not held.filled else "partially_filled"
    if held.filled >= world.orders[number].quantity:
        status = "filled"
    return ("report", status, held.filled, _ids(held.filled))


def _ids(filled: int) -> tuple[str, ...]:
    return tuple(f"f{number}" for number in range(1, filled + 1))


def _arrived(world: World, number: int, venue: int, bounds: Bounds) -> World:
    """A POST is read by a venue: a new id is taken, one in use refused by a strict venue and taken again by another."""
    held = world.venues[venue][number]
    if held is not None and bounds.strict:
        return world
    now = Held(1) if held is None else held._replace(accepts=held.accepts + 1)
    return world._replace(venues=put(world.venues, venue, put(world.venues[venue], number, now)))


def _saved(world: World, number: int, order: Order) -> World:
    """Change a row; what other workers have read of it is no longer so."""
    workers = tuple(
        worker._replace(fresh=False) if worker.fresh and worker.order == number and worker.phase != "idle" else worker
        for worker in world.workers
    )
    return world._replace(orders=put(world.orders, number, order), workers=workers)


def _freed(order: Order) -> Order:
    return order._replace(state="planned", lease=None)


def _unknown(order: Order, time: int) -> Order:
    timed_out = time if order.timed_out is None else max(order.timed_out, time)
    return order._replace(state="unknown", lease=None, timed_out=timed_out)


def _with(world: World, index: int, worker: Worker) -> World:
    return world._replace(workers=put(world.workers, index, worker))


def _orphaned(world: World, worker: Worker, bounds: Bounds) -> World:
    if worker.phase != "posted" or not bounds.late:
        return world
    return world._replace(wire=(*world.wire, (worker.order, worker.venue, worker.since)))


def _used(world: World, what: str) -> World:
    left: Left = world.left._replace(**{what: getattr(world.left, what) - 1})
    return world._replace(left=left)


def _where(worker: Worker) -> str:
    return {
        "claimed": "before its POST",
        "posted": "while its POST is under way",
        "answered": "with the answer in hand",
        "looked": "with a look-up in hand",
    }.get(worker.phase, worker.phase)


def _told(worker: Worker) -> str:
    words = {"none": "a 404", "lost": "that no answer came", "refused": "that nothing was stored"}
    kind = worker.answer[0]
    return f"{_words(worker.answer) if kind == 'report' else words.get(kind, kind)} for order {worker.order + 1}"


def _words(answer: Answer | None) -> str:
    if answer is None:
        return "no such order"
    _, status, filled, _ = answer
    return f"{status}, {filled} filled"
