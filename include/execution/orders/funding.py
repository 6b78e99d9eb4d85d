"""Increases wait for the plan's reductions where the strategy says so: on a cash account, sales pay for purchases."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Literal
from uuid import UUID

from include.execution.desk import Desk
from include.execution.steps.track_fills import refresh_orders
from include.ledger.orders import Overtaken
from include.trading.order.row import Intent
from include.trading.order.states import FINAL


def after_reductions(desk: Desk, plan_id: UUID, client_order_id: str) -> Literal["go", "wait"]:
    """Say whether an order of the plan may go through the gate now.

    A reduction may. An increase waits until every reduction of the plan is final, however it ended; when that does not
    happen in the sending window, the increase is not sent (`reductions_open`).
    """
    plan = desk.ledger.plans.get(plan_id)
    give_up_polling = desk.ledger.now() + timedelta(seconds=desk.settings.fast_poll_seconds)
    while plan is not None and plan.state == "open":
        intents = desk.ledger.orders.of_plan(plan_id)
        order = next((intent for intent in intents if intent.client_order_id == client_order_id), None)
        pending = [intent for intent in intents if intent.reduces and intent.state not in FINAL]
        if order is None or order.reduces or order.state != "planned" or not pending:
            return "go"
        now = desk.ledger.now()
        if now >= plan.send_until:
            _not_sent(desk, order, pending)
            return "go"
        if not _asks(order, intents) or now >= give_up_polling:
            return "wait"
        refresh_orders(desk, pending)
        if any(intent.state == "planned" for intent in pending):
            return "wait"
        desk.sleep(desk.settings.poll_every_seconds)
    return "go"


def _asks(order: Intent, intents: Sequence[Intent]) -> bool:
    """Say whether this order's task asks the gateway for all that wait: the first one's does, the others read."""
    first = next(intent for intent in intents if intent.state == "planned" and not intent.reduces)
    return first.id == order.id


def _not_sent(desk: Desk, order: Intent, pending: Sequence[Intent]) -> None:
    # Overtaken: another worker has decided on it already; the gate sees what.
    with suppress(Overtaken):
        desk.ledger.orders.save(
            order,
            event="not_sent",
            actor=desk.actor,
            detail={"reductions": [intent.client_order_id for intent in pending]},
            state="not_sent",
            reason="reductions_open",
        )
