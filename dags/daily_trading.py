"""One DAG a strategy: signals become orders, and orders fills, every session.

`daily_trading` is the strategy of that id; others are `daily_trading__<id>`. They come from the strategies file.
fetch_signals → map_orders → submit_orders (one task a symbol) → track_fills: see plugins/trading_airflow/daily_dag.py.
"""

from __future__ import annotations

import os

from airflow.sdk import get_parsing_context

from include.execution.settings import settings_from
from include.trading.strategy.file import load_strategies
from trading_airflow.daily_dag import build_dag, dag_of_task
from trading_airflow.strategies import strategies_path

_settings = settings_from(os.environ)
# In a task it says which DAG is wanted: the others of the file are not made then.
_wanted = get_parsing_context()
for _strategy in load_strategies(strategies_path()).strategies:
    if _wanted.task_id is None:
        globals()[_strategy.dag_id] = build_dag(_strategy, _settings.retry_minutes)
    elif _strategy.dag_id == _wanted.dag_id:
        globals()[_strategy.dag_id] = dag_of_task(_strategy, _settings.retry_minutes)
