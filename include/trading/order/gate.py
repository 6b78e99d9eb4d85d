"""The one gate before every POST: given the facts read under the locks, may this order be sent now?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from include.trading.models import Value

RATE_WINDOW = timedelta(seconds=60)

GateOutcome = Literal["send", "wait", "hold", "deny", "close", "resolve", "done"]


class GateFacts(Value):
    """What the ledger says, read in one transaction with the account's, plan's and order's rows locked.

    pace_reached_at: when the POST was that is the account's limit back from now (the 80th latest), None if none.
    id_collision: the other order that already uses this gateway id (contract v1), None if none.
    """

    now: datetime
    state: str
    reduces: bool
    attempt: int
    filled: bool
    lease_until: datetime | None
    plan_open: bool
    window_opens: datetime
    send_until: datetime
    account_state: Literal["active", "reduce_only", "halted"]
    account_reason: str | None
    paused_until: datetime | None
    pause_reason: str | None
    pace_reached_at: datetime | None
    attempt_cap: int
    id_collision: str | None


class GateDecision(Value):
    """send: go. wait: ask again at `until`. hold: stays planned until a person acts. deny, close: final.

    resolve: an earlier try must be looked up first. done: nothing is left to send.
    """

    outcome: GateOutcome
    reason: str
    until: datetime | None = None


def decide(facts: GateFacts) -> GateDecision:
    """Decide for one order. The order of the questions is part of the promise: truth, time, permission, pace."""
    if facts.state == "sending":
        if facts.lease_until is not None and facts.now < facts.lease_until:
            return GateDecision(outcome="wait", reason="another worker is sending it", until=facts.lease_until)
        return GateDecision(outcome="resolve", reason="lease_expired")
    if facts.state == "unknown":
        return GateDecision(outcome="resolve", reason="unknown")
    if facts.state != "planned":
        return GateDecision(outcome="done", reason=facts.state)
    if not facts.plan_open:
        return GateDecision(outcome="close", reason="plan_closed")
    if facts.now >= facts.send_until:
        return GateDecision(outcome="close", reason="send_until_passed")
    if facts.now < facts.window_opens:
        return GateDecision(outcome="wait", reason="before_the_open", until=facts.window_opens)
    if facts.filled:
        return GateDecision(outcome="deny", reason="already_filled")
    if facts.attempt >= facts.attempt_cap:
        return GateDecision(outcome="deny", reason="attempt_cap")
    if facts.account_state == "halted" or (facts.account_state == "reduce_only" and not facts.reduces):
        return GateDecision(
            outcome="hold", reason=f"account_{facts.account_state}: {facts.account_reason or 'no reason given'}"
        )
    if facts.id_collision is not None:
        return GateDecision(outcome="deny", reason="id_collision")
    if facts.paused_until is not None and facts.now < facts.paused_until:
        return GateDecision(
            outcome="wait", reason=f"gateway_paused: {facts.pause_reason or 'asked'}", until=facts.paused_until
        )
    if facts.pace_reached_at is not None and facts.now < facts.pace_reached_at + RATE_WINDOW:
        return GateDecision(outcome="wait", reason="pacing", until=facts.pace_reached_at + RATE_WINDOW)
    return GateDecision(outcome="send", reason="send")


def may_post(*, now: datetime, lease_until: datetime | None, send_until: datetime, post_timeout_seconds: float) -> bool:
    """Say whether a sender that holds the lease may start its POST: in its window, and to end before the lease does."""
    ends_by = now + timedelta(seconds=post_timeout_seconds)
    return now < send_until and lease_until is not None and ends_by < lease_until


def proven_absent(*, not_found_before: int, now: datetime, post_timed_out_at: datetime, proof_seconds: float) -> bool:
    """Say whether this 404 of a healthy gateway, after `not_found_before` earlier ones, proves that nothing was stored.

    Two are needed, the later at least `proof_seconds` after the POST's time-out. Source: architecture, section 5.
    """
    return not_found_before >= 1 and now >= post_timed_out_at + timedelta(seconds=proof_seconds)
