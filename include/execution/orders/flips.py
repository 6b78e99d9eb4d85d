"""The second leg of a flip: it is sent only when the first has closed the old side."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Literal

from include.execution.desk import Desk
from include.execution.orders.reports import reread
from include.execution.steps.track_fills import refresh_orders
from include.ledger.orders import Overtaken
from include.trading.order.row import Intent
from include.trading.order.states import FINAL


def second_leg(desk: Desk, first: Intent, second_id: str) -> Literal["go", "wait"]:
    """Say whether the second leg may go through the gate now.

    It waits while the first is working; it is denied (`leg_not_filled`) when the first ends otherwise than filled, or
    is not filled within the deadline of the settings.
    """
    second = desk.ledger.orders.get(second_id)
    if second is None or second.state != "planned":
        return "go"
    give_up_polling = desk.ledger.now() + timedelta(seconds=desk.settings.fast_poll_seconds)
    while first.state not in FINAL:
        now = desk.ledger.now()
        sent_at = first.first_sent_at or now
        if now >= sent_at + timedelta(seconds=desk.settings.flip_deadline_seconds):
            break
        if now >= give_up_polling:
            return "wait"
        desk.sleep(desk.settings.poll_every_seconds)
        refresh_orders(desk, [first])
        first = reread(desk, first)
    if first.state not in ("filled", "dry_run"):
        # Overtaken: another worker has decided on the second leg already; the gate sees what.
        with suppress(Overtaken):
            desk.ledger.orders.save(
                second,
                event="denied",
                actor=desk.actor,
                detail={"first_leg": first.client_order_id, "state": first.state},
                state="denied",
                reason="leg_not_filled",
            )
    return "go"
