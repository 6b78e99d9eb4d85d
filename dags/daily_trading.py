"""One DAG a strategy: signals become orders, and orders fills, every session.

`daily_trading` is the strategy of that id; others are `daily_trading__<id>`. They come from the strategies file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta

from airflow.sdk import DAG, Param, get_parsing_context

from include.execution.settings import settings_from
from include.trading.strategy.file import load_strategies
from include.trading.strategy.form import params_schema
from include.trading.strategy.schedule_spec import assets_of
from include.trading.strategy.spec import Strategy
from trading_airflow.alerts import TradingNotifier
from trading_airflow.operators.fills import TrackFillsOperator
from trading_airflow.operators.orders import MapOrdersOperator, SubmitOrderOperator
from trading_airflow.operators.signals import FetchSignalsOperator
from trading_airflow.retries import TradingRetryPolicy
from trading_airflow.strategies import START_DATE, strategies_path
from trading_airflow.timetable import assets_named, schedule_for

TRIAGE = """
**What it does.** `fetch_signals` asks the Signal Service, `map_orders` freezes the session's plan in the ledger,
`submit_orders` sends each symbol's order at most once, `track_fills` follows them and closes the run.

**A task is red.** Its log's last line says what was expected, what came and what to do.

| task | red means | safe to do |
|---|---|---|
| fetch_signals | a service is down, the account is halted, or the answer was refused | clear it in the sending window |
| map_orders | no plan was frozen, or the session has another plan | clear it; a plan that exists is never changed |
| submit_orders | the truth is in doubt, or the gateway is down or halted | clear it: an order is looked up first |
| track_fills | nothing was acknowledged, an order is unknown, or a break | `python -m include.ops orders` |

**Always safe:** clearing any task or the run, triggering again, a backfill (it never trades).
**Never needed:** marking tasks as success.
**To stop trading:** `python -m include.ops halt --account … --reason …`.
"""


def build_dag(strategy: Strategy, retry_minutes: Sequence[float], *, in_task: bool) -> DAG:
    """Return the DAG of one strategy.

    retry_minutes: the waits between the tries of a task.
    in_task: leave out the schemas of the params. Airflow has checked the params when the run was made and would do so
    twice more in each task, for half of what a task computes; `fetch_signals` checks them against the strategy itself.
    """
    with DAG(
        dag_id=strategy.dag_id,
        dag_display_name=strategy.title or strategy.dag_id,
        description=f"{strategy.mode}: {len(strategy.symbols) or 'any'} symbols on {strategy.calendar}",
        doc_md=TRIAGE,
        schedule=schedule_for(strategy.schedule, strategy.calendar, strategy.closures),
        start_date=START_DATE,
        catchup=False,
        # The ledger decides what may be sent; a run that hangs must not keep tomorrow's from starting.
        max_active_runs=8,
        params={} if in_task else {name: Param(**schema) for name, schema in params_schema(strategy).items()},
        tags={"trading", strategy.mode, *strategy.tags},
        default_args={
            "owner": strategy.owner,
            "retries": len(retry_minutes),
            # For a task that was killed: the policy is asked only where there is an error.
            "retry_delay": timedelta(minutes=retry_minutes[0]),
            "retry_policy": TradingRetryPolicy(retry_minutes),
            "on_failure_callback": TradingNotifier("task_failed"),
            "on_retry_callback": TradingNotifier("task_retried"),
            "on_skipped_callback": TradingNotifier("task_skipped"),
        },
        on_failure_callback=TradingNotifier("run_failed"),
    ) as dag:
        signals = FetchSignalsOperator(
            task_id="fetch_signals",
            strategy_id=strategy.id,
            # It asks for their events.
            inlets=assets_named(assets_of(strategy.schedule)),
        )
        orders = MapOrdersOperator(task_id="map_orders", signals=signals.output)
        submitted = SubmitOrderOperator.partial(task_id="submit_orders", map_index_template="{{ label }}").expand(
            order=orders.output
        )
        fills = TrackFillsOperator(
            task_id="track_fills",
            orders=orders.output,
            trigger_rule="all_done",
            # The session's summary, on good days too.
            on_success_callback=TradingNotifier("task_succeeded"),
        )
        # Not by XCom: fetching a result an order is what the ledger answers with one query.
        submitted >> fills
    return dag


_settings = settings_from(os.environ)
# In a task it says which DAG is wanted: the others of the file are not made then.
_wanted = get_parsing_context()
_in_task = _wanted.task_id is not None
for _strategy in load_strategies(strategies_path()).strategies:
    if not _in_task or _strategy.dag_id == _wanted.dag_id:
        globals()[_strategy.dag_id] = build_dag(_strategy, _settings.retry_minutes, in_task=_in_task)
