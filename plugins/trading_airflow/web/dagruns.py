"""Start a DAG run the way Airflow's own API does, and see how far it is. Needs Airflow's metadata database."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any
from uuid import uuid4

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from include.trading.models import Value
from trading_airflow.web.problems import Problem


class Started(Value):
    """A DAG run as Airflow has it. state: queued, running, success or failed."""

    airflow_run_id: str
    state: str
    conf: dict[str, Any]


def new_run_id(dag_id: str, idempotency_key: str | None, now: datetime) -> str:
    """Return the Airflow run id of a run started here: with a key always the same one."""
    if idempotency_key is None:
        return f"api__{now:%Y-%m-%dT%H:%M:%S}_{uuid4().hex[:8]}"
    return f"api__key_{hashlib.sha256(f'{dag_id}|{idempotency_key}'.encode()).hexdigest()[:32]}"


def find(dag_id: str, airflow_run_id: str) -> Started | None:
    with create_session() as session:
        row = session.execute(
            select(DagRun.run_id, DagRun.state, DagRun.conf).where(
                DagRun.dag_id == dag_id, DagRun.run_id == airflow_run_id
            )
        ).first()
    return None if row is None else Started(airflow_run_id=row.run_id, state=str(row.state), conf=row.conf or {})


def start(dag_id: str, airflow_run_id: str, conf: dict[str, Any], user_name: str) -> Started:
    """Start the run, or return the one that has this id already.

    Answers 409 when the DAG is paused, broken, gone or refuses manual runs, 422 when the id's run has other params,
    or Airflow refuses these.
    """
    existing = find(dag_id, airflow_run_id)
    if existing is None:
        _check_runnable(dag_id)
        try:
            trigger_dag(
                dag_id,
                run_id=airflow_run_id,
                conf=conf,
                logical_date=None,
                triggered_by=DagRunTriggeredByType.REST_API,
                triggering_user_name=user_name,
            )
        except (DagRunAlreadyExists, IntegrityError):
            # The same key at the same time: the other call was faster.
            pass
        except (ParamValidationError, ValueError) as error:
            raise Problem(422, "The run's params are refused", str(error)) from error
        except DagNotFound as error:
            raise Problem(409, "The DAG is not there", f"{dag_id} has no serialized version yet: wait") from error
        existing = find(dag_id, airflow_run_id)
    if existing is None:
        raise Problem(503, "The run was not started", f"Airflow did not keep run {airflow_run_id} of {dag_id}")
    if existing.conf != conf:
        raise Problem(
            422,
            "The Idempotency-Key belongs to another request",
            f"run {airflow_run_id} was started with {existing.conf}, this request says {conf}: use a new key",
        )
    return existing


def _check_runnable(dag_id: str) -> None:
    with create_session() as session:
        dag = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id, ~DagModel.is_stale))
        if dag is None:
            raise Problem(
                409, "The DAG is not there", f"Airflow has not read the DAG {dag_id}: look at its import errors"
            )
        if dag.has_import_errors:
            raise Problem(409, "The DAG is broken", f"{dag_id} has import errors: its file must be repaired first")
        if dag.is_paused:
            raise Problem(409, "The DAG is paused", f"{dag_id} is paused, its run would never start: unpause it first")
        if dag.allowed_run_types is not None and DagRunType.MANUAL not in dag.allowed_run_types:
            raise Problem(409, "The DAG refuses manual runs", f"{dag_id} allows only {dag.allowed_run_types}")


def paused(dag_id: str) -> bool | None:
    """Say whether the DAG is paused; None when Airflow has not read it."""
    with create_session() as session:
        return session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id, ~DagModel.is_stale))
