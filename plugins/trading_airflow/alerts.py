"""Airflow's callbacks and the connection `trading_alerts`: what failed is stored as an alert, and alerts are sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import structlog
from airflow.sdk import BaseNotifier

from include.trading.errors import InvalidData, TradingError
from include.trading.order.identity import run_id as id_of_run

if TYPE_CHECKING:
    from include.adapters.notify.channels import Channel
    from include.ledger.ledger import Ledger
    from include.trading.run.row import Run

log = structlog.get_logger(__name__)

Event = Literal["task_failed", "task_retried", "task_skipped", "task_succeeded", "run_failed"]


class TradingNotifier(BaseNotifier):
    """Stores an alert of the event unless the run stored it, and sends what was not sent yet.

    event: the callback it is used for. Those of tasks run in the worker, or, like that of a DAG, in the DAG processor.
    """

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event

    def notify(self, context: Any) -> None:
        from include.execution.alerts.delivery import Message, arrives, send_alerts
        from include.execution.settings import settings_from
        from trading_airflow.hooks.ledger import LedgerHook

        try:
            with LedgerHook().ledger() as ledger:
                self._store(ledger, context)
                send_alerts(ledger, settings_from(os.environ), channels, base_url=base_url())
        except TradingError as error:
            log.error("alert not stored", alert_event=self.event, reason=str(error))
            if self.event in ("task_failed", "run_failed"):
                # Without the ledger no one else will send it; then rather twice than not at all.
                words = f"{_subject(context)}: {_problem(context)}\nThe alert was not stored: {error}\n{base_url()}"
                message = Message("critical", f"[CRITICAL] {self.event.replace('_', ' ')}", words)
                for channel in channels():
                    if (problem := arrives(channel, message)) is not None:
                        log.error("alert not sent", title=message.title, reason=problem)

    def _store(self, ledger: Ledger, context: Mapping[str, Any]) -> None:
        from include.execution.alerts.raising import raise_unknown_orders
        from include.trading.alerts.catalogue import DAG_FAILED, ERROR, GAVE_UP

        run = _run(ledger, context)
        if run is not None:
            raise_unknown_orders(ledger, run.account)
        # A failed run raised its own alert when it was closed. A backfill's runs are counted there, in one.
        told = run is not None and (run.status == "failed" or run.mode == "replay")
        if self.event == "task_succeeded" or told:
            return
        dag_id, airflow_run_id = _ids(context)
        if run is None and self._is_refused(ledger, context):
            return
        unmapped = run is not None and run.mapped_at is None
        if unmapped and self.event == "task_failed" and context["ti"].task_id in BEFORE_ORDERS:
            # The run is closed at once, with the same words: one alert per cause.
            return
        words = f"{_subject(context)} {_EVENT_WORDS[self.event]}: {_problem(context)}"
        if self.event == "run_failed":
            alarm = DAG_FAILED.alarm(DAG_FAILED.key(dag_id, airflow_run_id), words)
        else:
            cause = GAVE_UP if self.event == "task_failed" else ERROR
            alarm = cause.alarm(cause.key(dag_id, airflow_run_id, context["ti"].task_id), words)
        ledger.alerts.raise_alert(
            alarm,
            strategy_id=run.strategy_id if run is not None else dag_id,
            account=None if run is None else run.account,
            session=None if run is None else run.session_date,
            run_id=None if run is None else run.run_id,
        )

    def _is_refused(self, ledger: Ledger, context: Mapping[str, Any]) -> bool:
        """Say whether the request was refused before it became a run; its first task raises the one alert of it."""
        from include.trading.alerts.catalogue import REFUSED_REQUEST

        dag_id, airflow_run_id = _ids(context)
        error = context.get("exception")
        first = self.event != "run_failed" and context["ti"].task_id == BEFORE_ORDERS[0]
        # A person's request; what keeps a session's own run from beginning is no less than an error.
        by_hand = str(getattr(context.get("dag_run"), "run_type", "")) == "manual"
        if first and by_hand and self.event == "task_failed" and isinstance(error, InvalidData):
            ledger.alerts.raise_alert(
                REFUSED_REQUEST.alarm(
                    REFUSED_REQUEST.key(dag_id, sha256(str(error).encode()).hexdigest()[:16]),
                    f"{dag_id} {airflow_run_id} was refused, nothing was planned or sent: {error}",
                ),
                strategy_id=dag_id,
            )
            return True
        return not first and ledger.steps.last_error(id_of_run(dag_id, airflow_run_id, is_backfill=False)) is not None


# The steps before the first order: where one of them fails for good, the run ends.
BEFORE_ORDERS = ("fetch_signals", "map_orders")
_EVENT_WORDS = {
    "task_failed": "failed",
    "task_retried": "failed and will be tried again",
    "task_skipped": "was skipped",
    "run_failed": "failed",
}


def channels() -> tuple[Channel, ...]:
    """Return where the connection `trading_alerts` sends; without one, the log line that every alert has is all."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from include.adapters.notify.channels import CONNECTION_ID, channels_of, config_of

    try:
        connection = BaseHook.get_connection(CONNECTION_ID)
    except AirflowNotFoundException:
        return ()
    # Not the provider's hook: it sends to all addresses as one, and does not say whether a message arrived.
    return channels_of(config_of(connection.extra_dejson))


def base_url() -> str:
    """Return Airflow's address for links."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080"))


def _run(ledger: Ledger, context: Mapping[str, Any]) -> Run | None:
    """Return the run's row. A DAG's callback may know no more than the names of DAG and run."""
    from trading_airflow.operators.task import identity_of

    if "dag_run" in context:
        return ledger.runs.get(identity_of(context).run_id)  # type: ignore[arg-type]
    return ledger.runs.newest(*_ids(context))


def _ids(context: Mapping[str, Any]) -> tuple[str, str]:
    return context["dag"].dag_id, context["run_id"]


def _subject(context: Mapping[str, Any]) -> str:
    dag_id, airflow_run_id = _ids(context)
    task = context.get("ti")
    if task is None or "reason" in context:
        return f"{dag_id} {airflow_run_id}"
    return f"{dag_id} {airflow_run_id}: {task.task_id} (try {task.try_number})"


def _problem(context: Mapping[str, Any]) -> str:
    error = context.get("exception")
    if error is not None:
        return f"{type(error).__name__}: {error}"
    return str(context.get("reason") or "it ended without a word; a killed task leaves none")
