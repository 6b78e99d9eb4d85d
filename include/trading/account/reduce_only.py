"""When an account takes reductions only, because an order's outcome is not known, and when that ends by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from include.trading.account.row import Account, AccountState

UNRESOLVED_CAUSE: Final = "unresolved"


class StateChange(NamedTuple):
    state: AccountState
    reason: str


def after_unresolved(
    account: Account, now: datetime, since: datetime | None, after_seconds: float
) -> StateChange | None:
    """Return what the account becomes, None when it stays as it is.

    since: from when on one of its orders has had no known outcome, None without any such order. An order unresolved
    for `after_seconds` makes an active account `reduce_only`; only that same cause lets it become active by itself.
    """
    overdue = since is not None and now >= since + timedelta(seconds=after_seconds)
    if overdue and account.state == "active":
        return StateChange(
            "reduce_only", f"an order has been without a known outcome since {since:%Y-%m-%d %H:%M:%S} UTC"
        )
    if since is None and account.state == "reduce_only" and account.state_cause == UNRESOLVED_CAUSE:
        return StateChange("active", "every order has a known outcome again")
    return None
