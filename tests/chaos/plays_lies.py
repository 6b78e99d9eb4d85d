"""The courses of a gateway that refuses, in words, an order that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.plays import finish, lift
from tests.chaos.stage import Stage

if TYPE_CHECKING:
    from tests.chaos.fault import Fault

WAYS = {
    "v2": ("kill_switch", "breaker", "auth", "rate_limited", "page", "data_unavailable", "page_404"),
    "alpaca": ("page", "page_404", "rate_limited", "validation", "buying_power"),
    # v1 has no gates: there a proxy refuses, or the answer to another order comes.
    "v1": ("page", "page_404", "rate_limited", "validation"),
}


def refused_though_stored(stage: Stage, fault: Fault) -> None:
    """The refusal is lifted after the first try, or it stays until it is too late to send."""
    stage.plan()
    stays = stage.rng.random() < 0.5
    _refuse(stage, times=None if stays else 1)
    ids = stage.ids()
    if not stage.first_try(ids) and not stage.tries(ids, most=2) and not stays:
        lift(stage)
        stage.tries(ids)
    stage.track()
    if stage.rng.random() < 0.5:
        lift(stage)
    stage.late()


def refused_then_revision_two(stage: Stage, fault: Fault) -> None:
    """A person trades the session again while the order that was refused rests at the broker."""
    stage.plan()
    stage.admin.settings(fill_after_seconds=3600)
    _refuse(stage, times=None)
    ids = stage.ids()
    stage.first_try(ids)
    stage.tries([id for id in ids if id != stage.victim.client_order_id])
    lift(stage)
    stage.settle_unknown()
    planned = stage.plan("second", revision=2)
    if planned:
        stage.tries(stage.ids("second"))
    fill_all(stage)
    stage.track()
    if stage.runs["second"].plan_id is None:
        # Refused, or the account was halted before it was made.
        stage.track("second")
        finish(stage, fault)
    else:
        finish(stage, fault, "second")
    not_bought_twice(stage)


def fills_listed_late(stage: Stage, fault: Fault) -> None:
    """A part fills, and for a while only the quantity says so: what stood in for its fill gives way to it."""
    stage.plan()
    stage.admin.settings(fill_after_seconds=3600)
    stage.try_all(stage.ids())
    part = stage.rng.randint(1, int(stage.victim.quantity) - 1)
    match = {"symbol": stage.victim.symbol}
    stage.admin.fault("fills_listed_late", match=match, times=stage.rng.choice((1, 2, None)))
    for order in stage.admin.book()["orders"]:
        if order["symbol"] == stage.victim.symbol:
            stage.admin.order(order["broker_order_id"], fill=part)
    stage.look_once()
    lift(stage)
    stage.look_once()
    fill_all(stage)
    finish(stage, fault)


def _refuse(stage: Stage, *, times: int | None) -> None:
    way = stage.rng.choice(WAYS[stage.lane.venue])
    stage.log.append(f"refused: {way}, {times or 'every'} time")
    stage.admin.fault("refused_but_stored", match={"symbol": stage.victim.symbol}, times=times, way=way)


def fill_all(stage: Stage) -> None:
    """Let the broker fill what rests there, and what comes from now on."""
    stage.admin.settings(fill_after_seconds=0)
    for order in stage.admin.book()["orders"]:
        if order["filled_qty"] < order["qty"] and order["status"] in ("accepted", "new", "partially_filled"):
            stage.admin.order(order["broker_order_id"], status="filled")


def not_bought_twice(stage: Stage) -> None:
    """Whatever the revisions wanted, the broker has no more orders for the victim's symbol than one plan's quantity."""
    ordered = sum(
        order["qty"] if order["side"] == stage.victim.side else -order["qty"]
        for order in stage.admin.book()["orders"]
        if order["symbol"] == stage.victim.symbol
    )
    if ordered > int(stage.victim.quantity):
        raise AssertionError(f"two revisions ordered {ordered} of {int(stage.victim.quantity)} {stage.victim.symbol}")
