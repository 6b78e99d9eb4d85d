"""Every few minutes: recovers runs and orders whose task died, from the ledger alone."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from include.execution.settings import settings_from
from trading_airflow.alerts import TradingNotifier
from trading_airflow.operators.watchdog import WatchdogOperator
from trading_airflow.strategies import START_DATE

TRIAGE = """
**What it does.** A killed task may leave no callback, so this DAG trusts the ledger only. It closes runs that no
task ended, resolves orders without a known outcome, follows open ones while their tasks wait, notices sessions without
a run, open orders after the close and breaks, sends alerts that were not sent, and asks the heartbeat URL.

**It is red** when the ledger cannot be reached: its log says why.
Neither a service that is down nor a strategies file that cannot be read makes it red: its result names the problem.

**Always safe:** clearing it, triggering it, running it twice at once. Without Airflow: `python -m include.ops watch`.
**Do not pause it:** without it a dead task goes unnoticed.
"""

with DAG(
    dag_id="trading_watchdog",
    dag_display_name="Watchdog",
    description="closes runs that never ended, resolves orders, notices missed sessions, sends alerts",
    doc_md=TRIAGE,
    schedule=timedelta(minutes=settings_from(os.environ).watchdog_minutes),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    # A look that hangs must not keep the next from taking place.
    dagrun_timeout=timedelta(minutes=10),
    tags={"trading", "watchdog"},
    default_args={
        "owner": "trading",
        "retries": 0,
        "on_failure_callback": TradingNotifier("task_failed"),
    },
) as dag:
    WatchdogOperator(task_id="watch", execution_timeout=timedelta(minutes=8))
