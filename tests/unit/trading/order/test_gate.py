"""The gate before every POST: each reason to send, to wait, to hold and to refuse, and which of them comes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.order.gate import GateDecision, GateFacts, decide, may_post, proven_absent
from include.trading.order.states import FINAL, STATES

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
OPENS = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
UNTIL = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def facts(**changes: Any) -> GateFacts:
    """An order that may go, with what a test wants different."""
    values: dict[str, Any] = {
        "now": NOW,
        "state": "planned",
        "reduces": False,
        "attempt": 0,
        "filled": False,
        "lease_until": None,
        "plan_open": True,
        "window_opens": OPENS,
        "send_until": UNTIL,
        "account_state": "active",
        "account_reason": None,
        "paused_until": None,
        "pause_reason": None,
        "pace_reached_at": None,
        "attempt_cap": 8,
        "id_collision": None,
    }
    return GateFacts(**(values | changes))


def test_a_planned_order_of_an_open_plan_may_be_sent_in_its_window() -> None:
    assert decide(facts()) == GateDecision(outcome="send", reason="send")


@pytest.mark.parametrize(
    ("changes", "decision"),
    [
        (
            {"state": "sending", "lease_until": NOW + SECOND},
            GateDecision(outcome="wait", reason="another worker is sending it", until=NOW + SECOND),
        ),
        ({"state": "sending", "lease_until": NOW}, GateDecision(outcome="resolve", reason="lease_expired")),
        ({"state": "sending"}, GateDecision(outcome="resolve", reason="lease_expired")),
        ({"state": "unknown"}, GateDecision(outcome="resolve", reason="unknown")),
        ({"state": "open"}, GateDecision(outcome="done", reason="open")),
        ({"plan_open": False}, GateDecision(outcome="close", reason="plan_closed")),
        ({"now": UNTIL}, GateDecision(outcome="close", reason="send_until_passed")),
        (
            {"now": OPENS - SECOND},
            GateDecision(outcome="wait", reason="before_the_open", until=OPENS),
        ),
        ({"filled": True}, GateDecision(outcome="deny", reason="already_filled")),
        ({"attempt": 8}, GateDecision(outcome="deny", reason="attempt_cap")),
        (
            {"account_state": "halted", "account_reason": "a break"},
            GateDecision(outcome="hold", reason="account_halted: a break"),
        ),
        (
            {"account_state": "halted", "reduces": True},
            GateDecision(outcome="hold", reason="account_halted: no reason given"),
        ),
        (
            {"account_state": "reduce_only", "account_reason": "unresolved"},
            GateDecision(outcome="hold", reason="account_reduce_only: unresolved"),
        ),
        ({"account_state": "reduce_only", "reduces": True}, GateDecision(outcome="send", reason="send")),
        ({"id_collision": "abc"}, GateDecision(outcome="deny", reason="id_collision")),
        (
            {"paused_until": NOW + SECOND, "pause_reason": "429"},
            GateDecision(outcome="wait", reason="gateway_paused: 429", until=NOW + SECOND),
        ),
        (
            {"paused_until": NOW + SECOND},
            GateDecision(outcome="wait", reason="gateway_paused: asked", until=NOW + SECOND),
        ),
        ({"paused_until": NOW, "pause_reason": "429"}, GateDecision(outcome="send", reason="send")),
        (
            {"pace_reached_at": NOW - 59 * SECOND},
            GateDecision(outcome="wait", reason="pacing", until=NOW + SECOND),
        ),
        ({"pace_reached_at": NOW - 60 * SECOND}, GateDecision(outcome="send", reason="send")),
        ({"now": OPENS}, GateDecision(outcome="send", reason="send")),
        ({"now": UNTIL - SECOND}, GateDecision(outcome="send", reason="send")),
        ({"attempt": 7}, GateDecision(outcome="send", reason="send")),
    ],
)
def test_the_gate_decides(changes: dict[str, Any], decision: GateDecision) -> None:
    assert decide(facts(**changes)) == decision


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_is_left_to_send_of_a_final_order(state: str) -> None:
    assert decide(facts(state=state, plan_open=False, now=UNTIL)).outcome == "done"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # The truth about an earlier try is found out first, also when nothing may be sent any more.
        ({"state": "unknown"}, {"plan_open": False}),
        ({"plan_open": False}, {"now": UNTIL}),
        # An order that is too late is closed, halted account or not.
        ({"now": UNTIL}, {"account_state": "halted"}),
        ({"now": OPENS - SECOND}, {"account_state": "halted"}),
        ({"filled": True}, {"account_state": "halted"}),
        ({"attempt": 8}, {"account_state": "halted"}),
        ({"account_state": "halted"}, {"id_collision": "abc"}),
        ({"id_collision": "abc"}, {"paused_until": NOW + SECOND}),
        ({"paused_until": NOW + SECOND}, {"pace_reached_at": NOW}),
    ],
)
def test_truth_comes_before_time_before_permission_before_pace(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert decide(facts(**second)) != decide(facts(**first))
    assert decide(facts(**(second | first))) == decide(facts(**first))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "state": st.sampled_from(sorted(STATES)),
            "reduces": st.booleans(),
            "attempt": st.integers(0, 10),
            "filled": st.booleans(),
            "lease_until": st.sampled_from([None, NOW - SECOND, NOW + SECOND]),
            "plan_open": st.booleans(),
            "now": st.sampled_from([OPENS - SECOND, OPENS, NOW, UNTIL, UNTIL + SECOND]),
            "account_state": st.sampled_from(["active", "reduce_only", "halted"]),
            "paused_until": st.sampled_from([None, NOW - SECOND, NOW + SECOND]),
            "pace_reached_at": st.sampled_from([None, NOW, NOW - 60 * SECOND]),
            "id_collision": st.sampled_from([None, "abc"]),
        },
    )
)
def test_whatever_the_facts_only_a_permitted_planned_order_is_sent(changes: dict[str, Any]) -> None:
    given_facts = facts(**changes)
    decision = decide(given_facts)

    assert (decision.until is not None) == (decision.outcome == "wait")
    assert decision.until is None or decision.until > given_facts.now
    if decision.outcome == "send":
        assert given_facts.state == "planned"
        assert given_facts.plan_open
        assert OPENS <= given_facts.now < UNTIL
        assert not given_facts.filled
        assert given_facts.attempt < given_facts.attempt_cap
        assert given_facts.account_state == "active" or (
            given_facts.account_state == "reduce_only" and given_facts.reduces
        )
        assert given_facts.id_collision is None


@pytest.mark.parametrize(
    ("lease_seconds", "window_seconds", "may"),
    [
        (10.01, 60, True),
        (10, 60, False),
        (-1, 60, False),
        (None, 60, False),
        (30, 0.01, True),
        (30, 0, False),
        (30, -1, False),
    ],
)
def test_a_post_begins_in_its_window_and_ends_before_the_lease_does(
    lease_seconds: float | None, window_seconds: float, may: bool
) -> None:
    lease_until = None if lease_seconds is None else OPENS + timedelta(seconds=lease_seconds)
    send_until = OPENS + timedelta(seconds=window_seconds)

    assert may_post(now=OPENS, lease_until=lease_until, send_until=send_until, post_timeout_seconds=10) is may


@pytest.mark.parametrize(
    ("before", "seconds_after", "proven"),
    [(0, 3600, False), (1, 59.9, False), (1, 60, True), (7, 60, True), (7, 0, False)],
)
def test_absence_is_proven_by_two_answers_the_later_long_after_the_post(
    before: int, seconds_after: float, proven: bool
) -> None:
    now = NOW + timedelta(seconds=seconds_after)

    assert proven_absent(not_found_before=before, now=now, post_timed_out_at=NOW, proof_seconds=60) is proven
