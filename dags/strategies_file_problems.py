"""Shows what is wrong with the strategies file as an Airflow import error, without taking a valid DAG away."""

from __future__ import annotations

from include.trading.errors import InvalidData
from include.trading.strategy.file import load_strategies
from trading_airflow.strategies import strategies_path

if _problems := load_strategies(strategies_path()).problems:
    raise InvalidData("\n".join(str(problem) for problem in _problems))
