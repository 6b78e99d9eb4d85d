"""How fast orders may be sent, whether a plan's can be in its window, and how long a run took without those waits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from include.trading.models import Allowance

_ZERO = timedelta(0)
_MINUTE = timedelta(minutes=1)


def reserve(allowance: Allowance) -> int:
    """Return how many of the account's requests are kept for look-ups: a tenth, at least one."""
    return max(1, allowance.limit // 10)


def orders_a_minute(asked: int, allowance: Allowance | None) -> int:
    """Return at how many orders a minute a plan is sent: as asked for, within what the venue takes."""
    return asked if allowance is None else max(1, min(asked, allowance.limit - reserve(allowance)))


def cannot_fit(
    *, orders: int, waiting: int, now: datetime, send_until: datetime, asked: int, allowance: Allowance | None
) -> str | None:
    """Return why a plan's orders cannot all be sent in its window, with the numbers; None where they can.

    waiting: orders of the account's other plans that are still to be sent.
    """
    pace = orders_a_minute(asked, allowance)
    fit = pace * math.ceil(max(0.0, (send_until - now) / _MINUTE))
    if orders + waiting <= fit:
        return None
    others = f" and {waiting} of the account's other plans" if waiting else ""
    remedy = "orders.send_minutes or orders.per_minute"
    if pace < asked and allowance is not None:
        remedy = f"orders.send_minutes, because the venue takes {allowance.limit} requests a minute from the account"
    return (
        f"the plan needs {orders + waiting} requests ({orders} orders{others}), {fit} fit until {send_until:%H:%M} UTC "
        f"at {pace} a minute: raise {remedy}"
    )


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
