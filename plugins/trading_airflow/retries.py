"""When a task is tried again: decided from the error, in one place for all tasks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy

from include.trading.errors import BookMismatch, InvalidData, OtherGateway, Paused, Rejected

# A service that asked to be left alone is asked no earlier, twice as long from try to try.
LEAST_PAUSE = timedelta(seconds=15)


class TradingRetryPolicy(RetryPolicy):
    """Wait 5, 10 and 20 minutes when a service is down, as the ADR asks; never retry what would be refused again.

    minutes: the wait before each retry; the task's `retries` must be as many.
    """

    def __init__(self, minutes: Sequence[float]) -> None:
        self.minutes = tuple(minutes)

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        if isinstance(exception, Rejected | InvalidData | BookMismatch | OtherGateway):
            return RetryDecision.fail(f"trying again would not change this: {type(exception).__name__}")
        from include.execution.orders.reports import CANNOT_CHANGE

        if isinstance(exception, CANNOT_CHANGE):
            return RetryDecision.fail(f"trying again would not change this: {type(exception).__name__}: {exception}")
        # A clear sets max_tries to try_number + retries, so this counts the tries since the last clear.
        step = min(max(try_number - (max_tries - len(self.minutes)), 1), len(self.minutes))
        if isinstance(exception, Paused):
            asked = timedelta(seconds=exception.retry_after_seconds)
            return RetryDecision.retry(max(asked, LEAST_PAUSE * 2 ** (step - 1)), "the service asked to be left alone")
        minutes = self.minutes[step - 1]
        return RetryDecision.retry(timedelta(minutes=minutes), f"{type(exception).__name__}: again in {minutes:g} min")

    def serialize(self) -> dict[str, Any]:
        return {"__type": "TradingRetryPolicy", "minutes": list(self.minutes)}
