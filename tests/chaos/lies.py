"""Faults of a gateway that misleads about an order it has: refused in words, filled without saying so, or too much."""

from __future__ import annotations

from tests.chaos import plays_lies
from tests.chaos.fault import Fault, look_up
from tests.chaos.judge import Facts
from tests.chaos.stage import Stage


def _books_are_equal(stage: Stage, facts: Facts) -> list[str]:
    """Say where the ledger does not count what the broker filled: a lie that can be seen through must be."""
    wrong = []
    for symbol in {intent.symbol for intent in facts.intents}:
        booked = sum(intent.filled_quantity for intent in facts.intents if intent.symbol == symbol)
        filled = sum(order["filled_qty"] for order in facts.book["orders"] if order["symbol"] == symbol)
        if booked != filled:
            wrong.append(f"the broker filled {filled} {symbol}, the ledger has {booked}")
    return wrong


LIES = [
    Fault("refused though stored", play=plays_lies.refused_though_stored, lies=True, resend_is_right=True),
    Fault(
        "fills that contradict the status",
        look_up("fills_contradict_status", status=["canceled", "expired", "done_for_day", "pending_new", "rejected"]),
        contracts=("v2",),
        stays=True,
        lies=True,
        check=_books_are_equal,
    ),
]
