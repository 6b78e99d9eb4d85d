"""The tasks of the DAG `daily_books`: which accounts there are, and closing the books of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from trading_airflow.strategies import strategies_path

if TYPE_CHECKING:
    from airflow.sdk import Context

log = structlog.get_logger(__name__)


class ListAccountsOperator(BaseOperator):
    """Return the accounts of the ledger."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> list[str]:
        from trading_airflow.hooks.ledger import LedgerHook

        with LedgerHook().ledger() as ledger:
            return [row.account for row in ledger.accounts.all()]


class CloseBooksOperator(BaseOperator):
    """Close an account's books of the sessions of one exchange that are over, each once.

    Fails, after it closed what it could, when a book could not be closed: clearing it goes on where it ended.
    """

    template_fields: Sequence[str] = ("account",)
    ui_color = "#e6f4ea"

    def __init__(self, *, account: Any, calendar: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.account = account
        self.calendar = calendar

    def execute(self, context: Context) -> dict[str, Any]:
        from include.execution.results.look import close_account
        from include.trading.errors import TradingError
        from include.trading.strategy.file import load_strategies
        from trading_airflow.connections import assembly
        from trading_airflow.hooks.ledger import LedgerHook

        context["label"] = self.account  # type: ignore[typeddict-unknown-key]
        try:
            strategies = load_strategies(strategies_path()).strategies
        except TradingError as error:
            # A book is closed with what its newest run kept of its strategy.
            log.warning("the strategies file cannot be read", reason=str(error))
            strategies = ()
        with LedgerHook().ledger() as ledger:
            found = close_account(
                ledger, assembly(), self.account, strategies, actor="daily_books", calendar=self.calendar
            )
        result = {"days": found.days, "accounts": found.accounts, "problems": found.problems}
        log.info("books closed", account=self.account, **result)
        if found.problems:
            raise AirflowFailException("; ".join(found.problems))
        return result
