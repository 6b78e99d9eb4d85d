"""What the four operators share: the settings, the run of this DAG run, a desk to work at, and its log lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, cast

import structlog
from airflow.sdk import BaseOperator

from include import __version__
from include.execution.desk import Desk
from include.execution.runs import RunIdentity, read_run, sends, strategy_of
from include.execution.settings import settings_from
from include.trading.errors import NotFound, TradingError
from trading_airflow.hooks.execution_gateway import ExecutionGatewayHook, GatewayReaderHook
from trading_airflow.hooks.ledger import LedgerHook

if TYPE_CHECKING:
    from airflow.sdk import Context

    from include.ledger.ledger import Ledger
    from include.ledger.records import Run
    from include.trading.terms import RunType

log = structlog.get_logger(__name__)


class TradingOperator(BaseOperator):
    """Base of the package's operators: `execute` opens the ledger, and says in the run's row why a task failed."""

    ledger_connection = LedgerHook.default_conn_name

    @contextmanager
    def ledger(self, context: Context) -> Iterator[Ledger]:
        """Open the ledger; an error inside is kept on the run's row before it goes on to Airflow."""
        identity = identity_of(context)
        with (
            structlog.contextvars.bound_contextvars(correlation_id=str(identity.run_id)),
            LedgerHook(self.ledger_connection).ledger() as ledger,
        ):
            try:
                yield ledger
            except TradingError as error:
                ledger.runs.record_error(identity.run_id, f"{self.task_id}: {error}")
                raise

    @contextmanager
    def desk(self, ledger: Ledger, run: Run, context: Context) -> Iterator[Desk]:
        """Make what a step of this run works with. A run that never sends gets a gateway that cannot submit."""
        strategy = strategy_of(run)
        hook = ExecutionGatewayHook if sends(run) else GatewayReaderHook
        with ExitStack() as stack:
            stack.enter_context(
                structlog.contextvars.bound_contextvars(
                    strategy=run.strategy_id, session=run.session_date.isoformat(), mode=run.mode
                )
            )
            try:
                reader = stack.enter_context(hook(strategy.gateway_connection).client(str(run.run_id)))
            except NotFound:
                if sends(run):
                    raise
                reader = None
            ti = context["ti"]
            yield Desk(
                ledger=ledger,
                reader=reader,
                settings=settings_from(os.environ),
                actor=f"{self.task_id} try {ti.try_number}",
                code_version=code_version(),
            )

    def read_run(self, ledger: Ledger, context: Context) -> Run:
        return read_run(ledger, identity_of(context).run_id)


def identity_of(context: Context) -> RunIdentity:
    """Return who this DAG run is; a manual run may have no logical date."""
    dag_run = context["dag_run"]
    return RunIdentity(
        dag_id=dag_run.dag_id,
        airflow_run_id=dag_run.run_id,
        run_type=cast("RunType", str(getattr(dag_run.run_type, "value", dag_run.run_type))),
        logical_date=dag_run.logical_date,
        started_at=dag_run.run_after,
    )


def code_version() -> str:
    """Return the version that a run records: TRADING_CODE_VERSION where a deployment sets it."""
    return os.environ.get("TRADING_CODE_VERSION") or __version__
