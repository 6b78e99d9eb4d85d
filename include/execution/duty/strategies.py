"""Refuse a strategy id that does not exist: no strategy would ever trade or close what is booked under it."""

from __future__ import annotations

from include.ledger.ledger import Ledger
from include.trading.errors import InvalidData, TradingError
from include.trading.strategy.file import StrategyFile


def check_strategy(ledger: Ledger, account: str, strategy_id: str | None, file: StrategyFile | TradingError) -> None:
    """Raise InvalidData for a strategy that neither the file nor the account's books know; None and blanks pass.

    file: or why it cannot be read; then the ledger alone decides.
    """
    known = ledger.plans.strategies(account)
    where = "in the ledger"
    if isinstance(file, TradingError):
        where += f" (the strategies file cannot be read: {file})"
    else:
        known += [strategy.id for strategy in file.strategies] + [problem.entry for problem in file.problems]
        where = "in the strategies file or the ledger"
    strategy_id = (strategy_id or "").strip()
    if strategy_id and strategy_id not in known:
        listed = ", ".join(sorted(set(known))) or "none yet"
        raise InvalidData(f"strategy: expected one that is {where}, got {strategy_id!r}; known are {listed}")
