"""What the strategy's shadows would hold, stored beside the plan: never traded, so nothing about it stops a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import structlog

from include.execution.desk import Desk
from include.execution.steps.open_run import strategy_of
from include.trading.numbers import shares
from include.trading.plan.plan import PlanInputs, ShadowSizing
from include.trading.plan.sizing import shadows_of
from include.trading.run.row import Run

log = structlog.get_logger(__name__)

_LOST = "the try of map_orders that froze the plan ended before it stored what this sizing would have held"


def store_shadows(desk: Desk, run: Run, inputs: PlanInputs, lack: str | None) -> None:
    """Compute and store the shadows of a plan. lack: why they have fewer closes than they look at."""
    with _apart(desk, run):
        _store(desk, run, shadows_of(inputs, lack))


def note_lost_shadows(desk: Desk, run: Run) -> None:
    """Say of a plan that is read back that its shadows are missing, where they are.

    They are not computed then: what ended the first try would end this one too, and its orders with it.
    """
    models = [] if run.adopted or run.parameters["flatten"] else [spec.word for spec in strategy_of(run).shadow]
    if not models:
        return
    with _apart(desk, run):
        if not desk.ledger.plan_inputs.shadows([run.run_id]):
            _store(desk, run, [ShadowSizing(model, refused=_LOST) for model in models])


@contextmanager
def _apart(desk: Desk, run: Run) -> Iterator[None]:
    """Log an error of any kind, so that the plan goes on. Without the ledger it cannot."""
    try:
        yield
    except Exception:
        if desk.ledger.connection.closed:
            raise
        log.exception("the shadows are not stored, the plan goes on", run_id=str(run.run_id))


def _store(desk: Desk, run: Run, shadows: Iterable[ShadowSizing]) -> None:
    rows = [
        {
            "model": shadow.model,
            "refused": shadow.refused,
            "targets": [
                {
                    "symbol": target.symbol,
                    "weight": str(target.weight),
                    "quantity": shares(target.quantity),
                    "bound": target.bound,
                }
                for target in shadow.targets
            ],
        }
        for shadow in shadows
    ]
    with desk.ledger.transaction():
        desk.ledger.plan_inputs.replace_shadows(run.run_id, rows)
