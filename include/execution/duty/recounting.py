"""Count a closed run again when its orders have moved on, so that its outcome never contradicts them."""

from __future__ import annotations

from dataclasses import dataclass

from include.execution.alerts.raising import raise_for_run
from include.execution.desk import Desk
from include.execution.steps.close_run import close_run
from include.execution.steps.open_run import sends
from include.execution.steps.run_outcome import write_outcome
from include.trading.errors import InvalidData, TradingError
from include.trading.run.row import Run


@dataclass(frozen=True)
class Recounted:
    """The run as it is now. uncompared: why its books were not compared, None when they were or need not be."""

    run: Run
    uncompared: str | None = None

    @property
    def words(self) -> str:
        line = self.run.summary or f"{self.run.run_id} is {self.run.status}"
        return line if self.uncompared is None else f"{line}; its books were not compared: {self.uncompared}"


def recount(desk: Desk, run: Run) -> Recounted:
    """Count a closed run again; it stays completed when it was.

    The newest run of its strategy and mode is closed again as a whole, with its alerts and the comparison of the
    books. An older one is only counted: the alerts that are open now are a newer run's. Without the gateway the counts
    are written all the same, and the books are compared at a later look.
    """
    if not desk.ledger.runs.is_newest(run):
        return Recounted(_count(desk, run))
    try:
        if sends(run) and desk.reader is None:
            raise InvalidData(f"no usable gateway connection names the account {run.account}")
        return Recounted(close_run(desk, run, completed_at=run.completed_at))
    except TradingError as error:
        counted = _count(desk, run, compared=False)
        raise_for_run(desk.ledger, counted, desk.settings)
        return Recounted(counted, str(error))


def _count(desk: Desk, run: Run, *, compared: bool = True) -> Run:
    intents = [] if run.plan_id is None else desk.ledger.orders.of_plan(run.plan_id)
    counted, _ = write_outcome(desk, run, intents, completed_at=run.completed_at, compared=compared)
    return counted
