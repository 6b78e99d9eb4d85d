"""The account's rate limit, shared through its row: who hears that little is left pauses it for every task.

The venue counts every request of the account, whoever sends it, and each of its answers says what is left.
"""

from __future__ import annotations

from typing import Final

from include.execution.desk import Desk
from include.execution.orders.reports import pause_gateway
from include.trading.run.pace import reserve

RATE_LIMIT: Final = "rate limit"


def share_pace(desk: Desk, account: str) -> None:
    """Let no order be sent until the limit is reset, once only what is kept for look-ups is left of it."""
    allowance = desk.gateway.allowance()
    if allowance is not None and allowance.left <= reserve(allowance):
        words = f"{RATE_LIMIT}: {allowance.left} of {allowance.limit} requests are left, kept for look-ups"
        pause_gateway(desk, account, allowance.seconds_to_reset, words)


def seconds_to_wait(desk: Desk, account: str) -> float:
    """Return for how long a task that has asked already leaves the venue alone; 0 where its limit is not reached."""
    if desk.gateway.allowance() is None:
        return 0.0
    row = desk.ledger.accounts.get(account)
    if row is None or row.gateway_paused_until is None or not (row.pause_reason or "").startswith(RATE_LIMIT):
        return 0.0
    return max(0.0, (row.gateway_paused_until - desk.ledger.now()).total_seconds())
