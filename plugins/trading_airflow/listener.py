"""Puts a run's summary on its DAG run as the note: a task may not write it, a listener may.

Runs in the scheduler, inside its transaction on Airflow's own database: it asks no other service and never waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

# track_fills pushes this XCom; other DAGs have none of it.
TASK_ID, KEY = "track_fills", "summary"
LONGEST = 1000


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    write_note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    write_note(dag_run)


def write_note(dag_run: DagRun) -> None:
    """Note the run's summary, the newest after a clear; what a person wrote stays."""
    from airflow.models.xcom import XComModel

    session = object_session(dag_run)
    if session is None:
        # dag.test() hands over a run that is in no transaction.
        return
    if dag_run.dag_run_note is not None and dag_run.dag_run_note.user_id is not None:
        return
    query = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=TASK_ID, key=KEY, limit=1)
    with session.no_autoflush:
        found = session.scalar(query)
    if found is not None:
        dag_run.note = str(XComModel.deserialize_value(found))[:LONGEST]
