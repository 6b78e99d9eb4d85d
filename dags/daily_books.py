"""After each close: the books of the session, one DAG an exchange that strategies trade on."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from include.execution.settings import settings_from
from include.trading.errors import TradingError
from include.trading.strategy.file import load_strategies
from trading_airflow.alerts import TradingNotifier
from trading_airflow.operators.books import CloseBooksOperator, ListAccountsOperator
from trading_airflow.strategies import START_DATE, strategies_path
from trading_airflow.timetable import ExchangeCloseTimetable

TRIAGE = """
**What it does.** After the close it writes each strategy's book of the session: what it holds, what that is worth at
the official close, what it earned, and equity; where the venue tells what the account is worth, also what no book
explains.
A closed day never changes. What is booked later is a line of the next day, which names the session it belongs to.

**It is red** when a book could not be closed, mostly because market data did not answer: its log says why.

**Always safe:** clearing it, triggering it, running it twice. Without Airflow: `python -m include.ops books`.
It sends nothing and trades nothing.
"""
MINUTES_AFTER_CLOSE = 20
FIRST = "XNYS"


def build_dag(calendar: str) -> DAG:
    minutes = settings_from(os.environ).retry_minutes
    with DAG(
        dag_id="daily_books" if calendar == FIRST else f"daily_books__{calendar.replace('/', '_').lower()}",
        dag_display_name="Books of the day" if calendar == FIRST else f"Books of the day ({calendar})",
        description=f"closes the books of each session of {calendar}",
        doc_md=TRIAGE,
        schedule=ExchangeCloseTimetable(calendar, MINUTES_AFTER_CLOSE),
        start_date=START_DATE,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        dagrun_timeout=timedelta(hours=2),
        tags={"trading", "books"},
        default_args={
            "owner": "trading",
            "retries": len(minutes),
            "retry_delay": timedelta(minutes=minutes[0]),
            "on_failure_callback": TradingNotifier("task_failed"),
        },
    ) as dag:
        accounts = ListAccountsOperator(task_id="accounts")
        CloseBooksOperator.partial(task_id="close_books", calendar=calendar, map_index_template="{{ label }}").expand(
            account=accounts.output
        )
    return dag


def _calendars() -> list[str]:
    """Return the exchanges to close books for. A broken file is shown by the other DAG file; books are closed on."""
    try:
        strategies = load_strategies(strategies_path()).strategies
    except TradingError:
        return [FIRST]
    return sorted({FIRST, *(strategy.calendar for strategy in strategies)})


globals().update({dag.dag_id: dag for dag in map(build_dag, _calendars())})
