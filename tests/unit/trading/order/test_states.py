"""Every way between two states that there is, and none besides."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.errors import InvalidData
from include.trading.order.states import (
    FINAL,
    FINAL_WORDS,
    MAY_BE_LIVE,
    NEVER_SENT,
    REFUSED,
    STATES,
    TRANSITIONS,
    UNRESOLVED,
    check_transition,
    fill_contradiction,
)

ANSWERED = {
    *("rejected", "failed", "blocked_kill_switch", "blocked_circuit_breaker"),
    *("filled", "canceled", "expired", "done_for_day", "replaced", "dry_run"),
}
# Written out by hand from the design, so that the table in the code has something to be compared with.
ALLOWED = {
    *(("planned", to) for to in ("sending", "denied", "not_sent")),
    # What was thought unsent, refused or ended, and the gateway has it after all.
    *((unsent, to) for unsent in ("planned", "denied", "not_sent") for to in {*ANSWERED, "open", "unknown"}),
    *(
        (refused, to)
        for refused in ("rejected", "failed", "blocked_kill_switch", "blocked_circuit_breaker")
        for to in ("open", "filled", "canceled", "expired", "done_for_day", "replaced")
    ),
    *((ended, "open") for ended in ("canceled", "expired", "done_for_day", "replaced")),
    *(("sending", to) for to in {*ANSWERED, "open", "unknown", "planned", "denied"}),
    *(("unknown", to) for to in {*ANSWERED, "open", "planned", "not_sent"}),
    *(("open", to) for to in ANSWERED),
    *((ended, "filled") for ended in ("canceled", "expired", "done_for_day", "replaced")),
}


@pytest.mark.parametrize(("current", "following"), sorted(product(STATES, STATES)), ids=lambda state: state)
def test_only_the_designs_ways_between_states_are_open(current: str, following: str) -> None:
    if (current, following) in ALLOWED:
        check_transition(current, following)
    else:
        with pytest.raises(InvalidData, match=f"in state '{current}' may become .*'{following}' was asked for"):
            check_transition(current, following)


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(TRANSITIONS) == STATES


def test_what_was_sent_can_never_be_sent_again_without_a_look_up() -> None:
    assert {state for state, following in TRANSITIONS.items() if "sending" in following} == {"planned"}
    assert {state for state, following in TRANSITIONS.items() if "planned" in following} == UNRESOLVED


def test_what_was_sent_and_ended_leads_only_to_what_the_gateway_says_of_it() -> None:
    assert {following for state in FINAL_WORDS for following in TRANSITIONS[state]} == {
        *("open", "filled", "canceled", "expired", "done_for_day", "replaced")
    }
    assert TRANSITIONS["filled"] == TRANSITIONS["dry_run"] == frozenset()


def test_every_end_without_a_fill_may_hide_a_live_order() -> None:
    assert (FINAL | {"planned"}) - {"filled", "dry_run"} == MAY_BE_LIVE


def test_an_unknown_order_never_becomes_sending_or_denied() -> None:
    assert TRANSITIONS["unknown"].isdisjoint({"sending", "denied"})


def test_the_groups_of_states_do_not_overlap() -> None:
    assert NEVER_SENT.isdisjoint(UNRESOLVED)
    assert FINAL.isdisjoint(UNRESOLVED)
    assert REFUSED < FINAL_WORDS


def contradiction(state: str, filled: str, before: str = "0") -> str | None:
    return fill_contradiction(state, Decimal(10), Decimal(filled), Decimal(before))


@pytest.mark.parametrize(
    ("state", "filled", "before", "words"),
    [
        ("open", "-1", "0", "filled quantity -1 is negative"),
        ("open", "10.5", "0", "filled 10.5 of an order for 10"),
        ("open", "3", "4", "filled fell from 4 to 3"),
        ("filled", "9", "0", "called filled with 9 of 10"),
        ("rejected", "1", "0", "1 filled on an order that is rejected"),
        ("dry_run", "1", "0", "1 filled on an order that is dry_run"),
        ("denied", "10", "0", "10 filled on an order that is denied"),
        ("not_sent", "2", "0", "2 filled on an order that is not_sent"),
        ("open", "-1.000000000", "0", "filled quantity -1 is negative"),
        ("open", "1E+2", "0", "filled 100 of an order for 10"),
        ("open", "3E-9", "4.000000000", "filled fell from 4 to 0.000000003"),
        ("filled", "9.500000000", "0", "called filled with 9.5 of 10"),
        ("rejected", "1E+1", "0", "10 filled on an order that is rejected"),
    ],
)
def test_an_impossible_fill_is_named(state: str, filled: str, before: str, words: str) -> None:
    assert contradiction(state, filled, before) == words


@pytest.mark.parametrize("state", ["open", "canceled", "expired", "done_for_day", "unknown"])
def test_part_of_an_order_may_fill_in_every_state_that_was_live(state: str) -> None:
    assert contradiction(state, "4", "4") is None


def test_a_filled_order_is_filled_whole() -> None:
    assert contradiction("filled", "10", "4") is None


@given(st.sampled_from(sorted(STATES)), st.integers(-3, 15), st.integers(0, 10))
def test_what_is_accepted_always_adds_up(state: str, filled: int, before: int) -> None:
    if fill_contradiction(state, Decimal(10), Decimal(filled), Decimal(before)) is None:
        assert before <= filled <= 10
        assert filled == 0 or state not in REFUSED | {"dry_run", "denied", "not_sent"}


@pytest.mark.parametrize("state", sorted(REFUSED | {"dry_run", "denied", "not_sent", "open", "canceled"}))
def test_an_order_of_which_nothing_filled_contradicts_nothing(state: str) -> None:
    assert fill_contradiction(state, Decimal(10), Decimal(0), Decimal(0)) is None


def test_a_part_of_a_share_may_fill() -> None:
    assert fill_contradiction("open", Decimal(10), Decimal("0.5"), Decimal(0)) is None


@pytest.mark.parametrize(
    ("current", "allowed"),
    [("filled", "nothing: it is final"), ("canceled", "filled, open"), ("rejected", "canceled, done_for_day, expired")],
)
def test_a_refused_way_says_which_there_are(current: str, allowed: str) -> None:
    with pytest.raises(InvalidData, match=f"in state '{current}' may become {allowed}.*; 'sending' was asked for"):
        check_transition(current, "sending")
