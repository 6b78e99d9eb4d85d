"""The courses of a gateway that refuses, in words, an order that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chaos.plays import lift
from tests.chaos.stage import Stage

if TYPE_CHECKING:
    from tests.chaos.fault import Fault

WAYS = {
    "v2": ("kill_switch", "breaker", "auth", "rate_limited", "page", "data_unavailable", "page_404"),
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


def _refuse(stage: Stage, *, times: int | None) -> None:
    way = stage.rng.choice(WAYS[stage.lane.contract])
    stage.log.append(f"refused: {way}, {times or 'every'} time")
    stage.admin.fault("refused_but_stored", match={"symbol": stage.victim.symbol}, times=times, way=way)
