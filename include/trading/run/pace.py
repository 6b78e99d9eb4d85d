"""How long a run took to send, without the waits that were ordered: pacing, and a flip's second leg."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

_ZERO = timedelta(0)
_MINUTE = timedelta(minutes=1)


def sending_time(
    started_at: datetime,
    acknowledged_at: Sequence[datetime],
    sent_at: Sequence[datetime],
    orders_per_minute: int | None,
) -> timedelta | None:
    """Return the time from a run's start to its last acknowledgement, less the pacing; None without any.

    acknowledged_at: of orders that waited for no other order.  sent_at: of every POST of the account's plan.
    Source: architecture, section 10.
    """
    if not acknowledged_at:
        return None
    last = max(acknowledged_at)
    sent = sorted(moment for moment in sent_at if moment <= last)
    return max(_ZERO, last - started_at - paced(sent, orders_per_minute))


def paced(sent_at: Sequence[datetime], orders_per_minute: int | None) -> timedelta:
    """Return how much of the time between the POSTs, oldest first, the limit a minute made them wait."""
    if orders_per_minute is None:
        return _ZERO
    waits = _ZERO
    for before, following, full in zip(
        sent_at[orders_per_minute - 1 :], sent_at[orders_per_minute:], sent_at, strict=False
    ):
        waits += max(_ZERO, min(following, full + _MINUTE) - before)
    return waits
