"""What operators need to run outside of Airflow: connections and settings in the environment, and a context."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from airflow.sdk import Context

from include.sandbox.runner import Sandbox
from tests.support.engine import FAST

# A busy machine answers late: the time-out is long, and the lease twice that.
TIMEOUT_SECONDS = 5
TASKS = FAST.model_copy(
    update={"lease_seconds": 2 * TIMEOUT_SECONDS, "retry_minutes": (0.01, 0.02, 0.03), "fast_poll_seconds": 15}
)


def http_connection(url: str, **extra: Any) -> str:
    """Return an http connection to a service as AIRFLOW_CONN_ variables have it."""
    host, _, port = url.removeprefix("http://").partition(":")
    extra = {"total_timeout_seconds": TIMEOUT_SECONDS, **extra}
    return json.dumps({"conn_type": "http", "host": host, "port": int(port), "schema": "http", "extra": extra})


def connections(sandbox: Sandbox, ledger_url: str, contract: str) -> dict[str, str]:
    """Return the variables of the four connections, to a sandbox and a ledger."""
    return {
        "AIRFLOW_CONN_SIGNAL_SERVICE": http_connection(sandbox.signals_url, contract=contract),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": http_connection(sandbox.gateway_url, contract=contract, account="sandbox"),
        "AIRFLOW_CONN_MARKET_DATA": http_connection(sandbox.market_url),
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
    }


@dataclass
class TaskInstance:
    """A task instance as an operator sees it; keeps what is pushed to XCom besides the result."""

    try_number: int = 1
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@dataclass
class DagRun:
    """One Airflow run as an operator sees it."""

    run_id: str = "manual__1"
    run_type: str = "manual"
    logical_date: datetime | None = None
    dag_id: str = "daily_trading"
    run_after: datetime = field(default_factory=lambda: datetime.now(UTC))
    conf: dict[str, Any] = field(default_factory=dict)

    def context(self, **params: Any) -> Context:
        dag_run = SimpleNamespace(**vars(self))
        return cast("Context", {"dag_run": dag_run, "params": params, "ti": TaskInstance()})
