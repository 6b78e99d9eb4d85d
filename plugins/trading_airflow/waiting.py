"""Wait outside the worker."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.timezone import utcnow

# Airflow 3.3.2 may fail a task whose trigger fires a few seconds after it deferred (apache/airflow#71580).
SHORTEST = timedelta(seconds=15)


def defer_for(operator: BaseOperator, wait: timedelta, method: str, **kwargs: Any) -> NoReturn:
    """Give the worker's slot back and go on with `method` after the wait, which is at least 15 s."""
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    operator.defer(trigger=DateTimeTrigger(moment=utcnow() + max(wait, SHORTEST)), method_name=method, kwargs=kwargs)
