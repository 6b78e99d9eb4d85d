"""Ask for open orders to be canceled, and book what the venue says of them then; a late fill is booked all the same."""

from __future__ import annotations

from collections.abc import Iterable

from include.execution.desk import Desk
from include.execution.orders.reports import apply_report
from include.execution.orders.resolve import gateway_id
from include.ledger.orders import Overtaken
from include.trading.errors import Paused, TradingError
from include.trading.order.row import Intent


def cancel(desk: Desk, intent: Intent, *, reason: str, event: str) -> tuple[Intent, str]:
    """Ask for an open order to be canceled; return it as the ledger has it then, and the venue's word.

    A word is no end: what was filled before the venue carries it out stays filled.
    event: what the order's history calls the answer.
    """
    intent = desk.ledger.orders.save(intent, event="cancel_requested", actor=desk.actor, detail={"reason": reason})
    id = gateway_id(desk, intent)
    word = desk.client.cancel(id)
    report = desk.gateway.order(id)
    return (intent if report is None else apply_report(desk, intent, report, event)), word


def cancel_late(desk: Desk, intents: Iterable[Intent], asked: set[str]) -> None:
    """Ask for each order that is open after its plan's `send_until`, unless `asked` names it; add what was asked for.

    One whose request failed stays open; the next task that looks, with nothing asked yet, asks for it again.
    """
    for intent in intents:
        if intent.state != "open" or intent.client_order_id in asked:
            continue
        asked.add(intent.client_order_id)
        try:
            cancel(desk, intent, reason="send_until passed", event="canceled_at_send_until")
        except Paused:
            return
        except (TradingError, Overtaken):
            continue
