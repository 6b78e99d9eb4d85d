"""Faults of a gateway that misleads about an order it has: refused in words, filled without saying so, or too much."""

from __future__ import annotations

from tests.chaos import plays_lies
from tests.chaos.fault import BY_OUR_ID, FOREVER, Fault, drawn, look_up, post
from tests.chaos.judge import Facts
from tests.chaos.stage import Stage


def _lost_at_broker(stage: Stage) -> None:
    """v1: 500, then `rejected` without a broker id. v2: 422 `must be unique`, then `rejected`."""
    if stage.lane.venue == "v1":
        post("broker_connection_500", most=1, live=True, seconds=[0, 0.3, FOREVER])(stage)
    else:
        post("broker_timeout_422", most=1, seconds=[0.3, FOREVER, FOREVER])(stage)


def _without_quantity(stage: Stage) -> None:
    match = {"symbol": stage.victim.symbol}
    params = drawn(stage, {"times": [1, 2, 3], "how": ["null", "missing", "zero"]})
    stage.admin.fault("filled_without_quantity", match=match, **params)


def _same_fill_ids(stage: Stage) -> None:
    stage.admin.fault("numbered_fills")


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
    Fault("refused though stored", play=plays_lies.refused_though_stored, lies=True),
    Fault("refused though stored, then revision 2", play=plays_lies.refused_then_revision_two, lies=True),
    Fault("rejected on the way from the broker", _lost_at_broker, lies=True),
    Fault(
        "fill before the answer",
        post("fill_before_answer", most=1),
        venues=BY_OUR_ID,
        lies=True,
        check=_books_are_equal,
    ),
    Fault("filled without its quantity", _without_quantity, stays=True),
    Fault(
        "fills that contradict the status",
        look_up("fills_contradict_status", status=["canceled", "expired", "done_for_day", "pending_new", "rejected"]),
        venues=BY_OUR_ID,
        stays=True,
        lies=True,
        check=_books_are_equal,
    ),
    Fault("the same fill ids on two orders", _same_fill_ids, venues=("v2",), stays=True),
    Fault("filled quantity before its fill", play=plays_lies.fills_listed_late, venues=("v2",)),
]
