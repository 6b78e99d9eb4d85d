"""Rules about what we did: each reads the append-only rows alone, and nothing a gateway does can excuse a breach."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise

from include.trading.audit.history import AccountHistory, OrderHistory
from include.trading.numbers import shares
from include.trading.order.states import TRANSITIONS


def legal_and_gapless(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """Each event begins in the state in which the one before ended, and only the state table's ways are taken."""
    state: str | None = None
    for event in order.events:
        if event.from_state != state:
            yield f"event {event.id} ({event.event}) begins in {event.from_state}, the one before ended in {state}"
        if event.from_state is None:
            if event.to_state != "planned":
                yield f"event {event.id} ({event.event}) makes the order {event.to_state}, not planned"
        elif event.to_state != event.from_state and event.to_state not in TRANSITIONS.get(event.from_state, ()):
            yield f"event {event.id} ({event.event}) leads from {event.from_state} to {event.to_state}"
        state = event.to_state
    if not order.events:
        yield "it has no event"


def attempts_match(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """Every `sending` event has its attempt and every attempt its event, numbered 1, 2, 3, …"""
    sent, tried = [event.attempt for event in order.sends], [attempt.attempt for attempt in order.attempts]
    if sent != tried:
        yield f"its events send {sent}, its attempts are {tried}"
    elif sent != list(range(1, len(sent) + 1)):
        yield f"its attempts are numbered {sent}"
    for event in order.sends:
        if event.to_state != "sending":
            yield f"event {event.id} (sending) makes it {event.to_state}"
    number = 0
    for event in order.events:
        number += event.event == "sending"
        if event.attempt != number:
            yield f"event {event.id} ({event.event}) counts {event.attempt} attempts, there were {number}"
        if event.to_state == "sending" and event.from_state != "sending" and event.event != "sending":
            yield f"event {event.id} ({event.event}) makes it sending without an attempt"


def proof_before_resend(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """Between two sends stands a proof that the first stored nothing: a refusal that stores nothing, or two 404s."""
    sends = order.sends
    for earlier, later in pairwise(sends):
        between = [event for event in order.events if earlier.id < event.id < later.id]
        freed = [event for event in between if event.to_state == "planned" and event.from_state != "planned"]
        not_found = [event for event in between if event.event == "not_found"]
        if not freed:
            yield f"attempt {later.attempt} was sent without a proof that attempt {earlier.attempt} stored nothing"
        for event in freed:
            if event.event not in ("nothing_stored", "put_off", "proven_absent"):
                yield f"attempt {later.attempt} was sent after {event.event}, which proves nothing"
            elif event.event == "proven_absent" and not any(seen.id < event.id for seen in not_found):
                yield f"attempt {later.attempt} was sent after a single 404"


def not_after_acceptance(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """No send once the ledger knew that the gateway has the order."""
    accepted = next((event for event in order.events if event.shows_acceptance), None)
    if accepted is not None:
        for event in order.sends:
            if event.id > accepted.id:
                yield f"attempt {event.attempt} was sent at {_time(event.at)}, accepted since {_time(accepted.at)}"


def inside_window(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """Every attempt begins inside the sending window of its plan."""
    for attempt in order.attempts:
        if not order.window_opens <= attempt.started_at < order.send_until:
            yield (
                f"attempt {attempt.attempt} began at {_time(attempt.started_at)}, its window is "
                f"{_time(order.window_opens)} to {_time(order.send_until)}"
            )


def not_while_halted(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """No send while the account was halted, none that adds to a position while it was reduce_only.

    Sends and changes of the account are recorded under the account's lock, so their times are in their true order.
    """
    for event in order.sends:
        state = account.account_state
        if account.account_events:
            before = [change for change in account.account_events if change.at <= event.at]
            state = before[-1].to_state if before else account.account_events[0].from_state
        if state == "halted" or (state == "reduce_only" and not order.reduces):
            yield f"attempt {event.attempt} was sent at {_time(event.at)} while the account was {state}"


def id_of_its_slot(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """The order's id is made from its slot, and its slot is of this account and mode."""
    expected = order.mode[0] + hashlib.sha256(order.slot.encode()).hexdigest()[:23]
    if order.client_order_id != expected:
        yield f"the id of its slot {order.slot} is {expected}"
    if not order.slot.startswith(f"{order.mode}|{account.account}|"):
        yield f"its slot {order.slot} is not of account {account.account} and mode {order.mode}"


def columns_tell_the_same(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """The row that decisions are made from says what the events say."""
    if order.column_state != order.state:
        yield f"its row says {order.column_state}, its events end in {order.state}"
    if order.column_attempt != len(order.sends):
        yield f"its row counts {order.column_attempt} attempts, its events {len(order.sends)}"
    if order.column_filled != order.filled:
        yield f"its row says {shares(order.column_filled)} filled, its fills add up to {shares(order.filled)}"


def not_more_than_ordered(order: OrderHistory, account: AccountHistory) -> Iterator[str]:
    """Fills never exceed what was ordered, and follow what reports said of the filled quantity."""
    if order.filled > order.quantity:
        yield f"{shares(order.filled)} filled of {shares(order.quantity)}"
    told = max((event.told_filled for event in order.events), default=order.filled)
    if order.is_final and told > order.filled:
        yield f"reports said {shares(told)} filled, {shares(order.filled)} are booked"


def _time(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
