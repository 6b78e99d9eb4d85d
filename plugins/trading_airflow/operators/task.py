"""What the four operators share: the run of this DAG run, the ledger, a desk to work at, and its log lines.

DAG files import the operators each time they are parsed, so what only a running task needs is imported inside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import structlog
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred

from include.trading.errors import NotFound, Paused, TradingError
from trading_airflow.waiting import defer_for

if TYPE_CHECKING:
    from uuid import UUID

    from airflow.sdk import Context

    from include.execution.desk import Desk
    from include.execution.steps.open_run import RunIdentity
    from include.ledger.ledger import Ledger
    from include.trading.ports import VenueReader
    from include.trading.run.row import Run
    from include.trading.run.terms import RunType


class TradingOperator(BaseOperator):
    """Base of the package's operators: opens the ledger, and says in the run's row why a task failed."""

    ledger_connection = "trading_ledger"
    # Until when, by the run's row, a service that asked to be left alone is waited for.
    waits_until = "send_until"
    # Whether the account's pause in the ledger keeps the next try from asking; a person may lift it.
    pause_is_kept = False

    @contextmanager
    def ledger(self, context: Context) -> Iterator[Ledger]:
        """Open the ledger, and keep there how long this try took and the error it ended with."""
        from include.execution.orders.reports import CANNOT_CHANGE
        from trading_airflow.hooks.ledger import LedgerHook

        run_id = identity_of(context).run_id
        with (
            structlog.contextvars.bound_contextvars(correlation_id=str(run_id)),
            LedgerHook(self.ledger_connection).ledger() as ledger,
        ):
            step = ledger.steps.start(
                run_id, self.task_id, try_number=context["ti"].try_number, symbol=self.traded_symbol()
            )
            try:
                yield ledger
            except (TradingError, *CANNOT_CHANGE) as error:
                wait = self._pause(ledger, run_id, error)
                if wait is not None:
                    ledger.steps.end(step)
                    # No try is used up.
                    defer_for(self, wait, "execute_complete")
                words = str(error) if isinstance(error, TradingError) else f"{type(error).__name__}: {error}"
                ledger.runs.record_error(run_id, f"{self.task_id}: {words}")
                ledger.steps.end(step, error=words)
                raise
            except TaskDeferred:
                ledger.steps.end(step)
                raise
            finally:
                structlog.contextvars.unbind_contextvars("strategy", "session")
            ledger.steps.end(step)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Go on after a wait: the ledger knows how far the task is."""
        return self.execute(context)

    def _pause(self, ledger: Ledger, run_id: UUID, error: BaseException) -> timedelta | None:
        """Return how long to leave a service alone outside of the worker; None where nothing is gained by waiting.

        All the time that it asked for, because nothing else keeps it; a pause that is kept is looked at again earlier.
        """
        from include.execution.settings import settings_from

        if not isinstance(error, Paused):
            return None
        run = ledger.runs.get(run_id)
        asked, longest = error.retry_after_seconds, settings_from(os.environ).longest_wait_seconds
        wait = timedelta(seconds=min(asked, longest) if self.pause_is_kept else asked)
        until = ledger.now() if self.pause_is_kept else ledger.now() + wait
        return None if run is None or until >= getattr(run, self.waits_until) else wait

    def traded_symbol(self) -> str | None:
        """Return the symbol this task is for, None for a task of the whole run."""
        return None

    @contextmanager
    def desk(self, ledger: Ledger, run: Run, context: Context) -> Iterator[Desk]:
        """Make what a step of this run works with. A run that never sends gets a gateway that cannot submit."""
        from include.execution.steps.open_run import sends
        from include.trading.strategy.kept import venue_kept
        from trading_airflow.connections import assembly

        here = assembly()
        with ExitStack() as stack:
            reader: VenueReader | None = None
            try:
                venue = here.venue(venue_kept(run.parameters))
            except NotFound:
                if sends(run):
                    raise
            else:
                opened = venue.venue if sends(run) else venue.reader
                reader = stack.enter_context(opened(correlation_id=str(run.run_id)))
            actor = f"{self.task_id} try {context['ti'].try_number}"
            yield here.desk(ledger, run.account, reader, actor=actor)

    def read_run(self, ledger: Ledger, context: Context) -> Run:
        from include.execution.steps.open_run import read_run

        run = read_run(ledger, identity_of(context).run_id)
        say_whose(run)
        return run


def say_whose(run: Run) -> None:
    """Put the run's strategy and session on every log line from here to where its ledger is closed."""
    structlog.contextvars.bind_contextvars(strategy=run.strategy_id, session=run.session_date.isoformat())


def identity_of(context: Context) -> RunIdentity:
    """Return who this DAG run is; a manual run may have no logical date."""
    from include.execution.steps.open_run import RunIdentity

    dag_run = context["dag_run"]
    return RunIdentity(
        dag_id=dag_run.dag_id,
        airflow_run_id=dag_run.run_id,
        run_type=cast("RunType", str(getattr(dag_run.run_type, "value", dag_run.run_type))),
        logical_date=dag_run.logical_date,
        started_at=dag_run.run_after,
    )
