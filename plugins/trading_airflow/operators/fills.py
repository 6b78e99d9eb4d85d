"""The task `track_fills`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk.exceptions import AirflowFailException

from trading_airflow.operators.signals import tell_changed
from trading_airflow.operators.task import TradingOperator, identity_of
from trading_airflow.waiting import defer_for

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.ledger.ledger import Ledger
    from include.trading.run.row import Run

log = structlog.get_logger(__name__)

# An XCom of its own, because a task that fails returns nothing; listener.py makes the DAG run's note of it.
SUMMARY = "summary"


class TrackFillsOperator(TradingOperator):
    """Follow the run's orders until they are done, compare the books, close the run, and fail if the run failed.

    orders: what `map_orders` returned, for the reader of the task; what counts is the ledger.
    """

    template_fields: Sequence[str] = ("orders",)
    ui_color = "#fce8e6"
    waits_until = "cutoff_at"

    def __init__(self, *, orders: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.orders = orders

    def execute(self, context: Context) -> dict[str, Any]:
        return self._track(context, waits=0)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None, waits: int = 0) -> dict[str, Any]:
        """Go on after a deferred wait."""
        return self._track(context, waits=waits)

    def _track(self, context: Context, *, waits: int) -> dict[str, Any]:
        from include.execution.steps.close_run import close_run
        from include.execution.steps.track_fills import track_for

        with self.ledger(context) as ledger:
            _end_refused(ledger, context)
            run = self.read_run(ledger, context)
            with self.desk(ledger, run, context) as desk:
                if waits == 0:
                    tell_changed(desk, run)
                settings = desk.settings
                if not track_for(desk, run, seconds=settings.fast_poll_seconds if waits == 0 else 0):
                    seconds = min(settings.defer_seconds * 2**waits, settings.longest_defer_seconds)
                    left = (run.send_until - ledger.now()).total_seconds()
                    if 0 < left < seconds:
                        # What is open then may have to be canceled: begin again with short waits.
                        seconds, waits = left, -1
                    defer_for(self, timedelta(seconds=seconds), "execute_complete", waits=waits + 1)
                run = close_run(desk, run)
            _log(run)
        context["ti"].xcom_push(key=SUMMARY, value=run.summary)
        if run.status == "failed":
            raise AirflowFailException(f"{run.summary}. {run.error_message or ''}")
        return {"run_id": str(run.run_id), "status": run.status, "summary": run.summary}


def _end_refused(ledger: Ledger, context: Context) -> None:
    """End the task with the words of a request that was refused before it became a run."""
    run_id = identity_of(context).run_id
    words = None if ledger.runs.get(run_id) is not None else ledger.steps.last_error(run_id)
    if words is not None:
        summary = f"REFUSED, nothing was planned or sent: {words}"
        context["ti"].xcom_push(key=SUMMARY, value=summary)
        raise AirflowFailException(summary)


def _log(run: Run) -> None:
    log.info(
        "orders submitted",
        num_orders=run.num_orders_submitted,
        num_accepted=run.num_orders_accepted,
        num_rejected=run.num_orders_rejected,
        num_filled=run.num_orders_filled,
        status=run.status,
    )
