"""Where the strategies file is, and the strategy of a DAG."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from include.trading.errors import InvalidData
from include.trading.strategy.file import load_strategies
from include.trading.strategy.spec import Strategy

SETTING = "TRADING_STRATEGIES_FILE"
# A backfill may go back to it; with catchup off nothing else does.
START_DATE = datetime(2005, 1, 3, tzinfo=UTC)


def strategies_path() -> Path:
    """Return the path that the setting gives, else the shipped file."""
    given = os.environ.get(SETTING)
    if given:
        return Path(given)
    import include

    return Path(include.__file__).parent / "config" / "strategies.yaml"


def strategy_named(strategy_id: str) -> Strategy:
    """Return a strategy as the file has it now; raises InvalidData when it is gone or invalid."""
    path = strategies_path()
    found = load_strategies(path)
    for strategy in found.strategies:
        if strategy.id == strategy_id:
            return strategy
    problems = "; ".join(str(problem) for problem in found.problems if problem.entry == strategy_id)
    raise InvalidData(f"strategy {strategy_id!r} is not in {path}: {problems or 'no such entry'}")
