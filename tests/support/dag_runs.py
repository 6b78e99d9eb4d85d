"""Whole runs of a DAG, in this process, by Airflow's own runner, and what they leave in Airflow and in the ledger."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunType
from sqlalchemy import select

from include.execution.steps.open_run import RunIdentity
from include.trading.run.row import Run
from include.trading.run.terms import RunType
from tests.support.dags import read_dags
from tests.support.place import Place


class Ended:
    """A run that ended, in Airflow and in the ledger."""

    def __init__(self, place: Place, dag_run: DagRun) -> None:
        self.color = DagRunState(dag_run.state).value
        with create_session() as session:
            query = select(TaskInstance).filter_by(dag_id=dag_run.dag_id, run_id=dag_run.run_id)
            found = session.scalars(query).all()
            self.tasks = {(ti.task_id, ti.map_index): ti for ti in found}
            session.expunge_all()
        identity = RunIdentity(
            dag_run.dag_id,
            dag_run.run_id,
            cast("RunType", str(DagRunType(dag_run.run_type))),
            dag_run.logical_date,
            dag_run.run_after,
        )
        self.run: Run = place.run(identity)
        self.answers = place.answers(self.run.run_id)
        self.mappings = place.mappings(self.run.run_id)

    def states(self, task_id: str) -> Counter[str]:
        return Counter(str(ti.state) for (name, _), ti in self.tasks.items() if name == task_id)


def trade(place: Place, **params: Any) -> Ended:
    """Run the DAG as `airflow dags test` does."""
    dag = read_dags()["daily_trading"]
    # Airflow 3.3.2's dag.test() cannot call a notifier of a DAG; those of tasks it can.
    dag.on_failure_callback = None
    return Ended(place, dag.test(run_conf=params))
