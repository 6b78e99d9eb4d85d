"""When an account takes reductions only because an order's outcome is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.trading.account.reduce_only import UNRESOLVED_CAUSE, after_unresolved
from include.trading.account.row import Account, AccountState

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
AFTER = 300.0


def account(state: AccountState, cause: str = "person") -> Account:
    return Account(
        account="main",
        state=state,
        state_cause=cause,
        state_reason=None,
        state_changed_by="test",
        state_changed_at=NOW,
        gateway_paused_until=None,
        pause_reason=None,
        consecutive_failures=0,
        gateway_address=None,
        gateway_strategy_id=None,
        gateway_broker_url=None,
        gateway_version=None,
        binding=1,
        environment=None,
    )


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def test_an_order_unresolved_for_the_limit_makes_an_active_account_reduce_only() -> None:
    change = after_unresolved(account("active"), NOW, ago(AFTER), AFTER)

    assert change is not None
    assert (change.state, "2026-11-27 14:55:00 UTC" in change.reason) == ("reduce_only", True)


def test_a_moment_less_changes_nothing() -> None:
    assert after_unresolved(account("active"), NOW, ago(AFTER - 0.001), AFTER) is None


def test_proof_lifts_what_the_rule_itself_did() -> None:
    change = after_unresolved(account("reduce_only", UNRESOLVED_CAUSE), NOW, None, AFTER)

    assert change is not None
    assert change.state == "active"


@pytest.mark.parametrize(
    ("state", "cause", "since"),
    [
        ("active", "person", None),
        ("reduce_only", "person", None),
        ("reduce_only", UNRESOLVED_CAUSE, ago(1)),
        ("reduce_only", UNRESOLVED_CAUSE, ago(AFTER)),
        ("halted", "person", ago(AFTER)),
        ("halted", UNRESOLVED_CAUSE, None),
    ],
)
def test_what_a_person_or_a_break_did_stays(state: AccountState, cause: str, since: datetime | None) -> None:
    assert after_unresolved(account(state, cause), NOW, since, AFTER) is None
