"""A DAG of the shape of ours that does nothing: what Airflow takes by itself.

Put into the dags folder by `make bench`. The same tasks, retries and labels, and XComs of the same form and length; no
parameters, no callbacks, no imports but Airflow's. BENCH_ORDERS in the environment says how many orders there are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

ORDERS = int(os.environ["BENCH_ORDERS"])
RUN_ID = "00000000-0000-0000-0000-000000000000"


class Fetch(BaseOperator):
    def execute(self, context: Context) -> dict[str, Any]:
        signals = [
            {
                "symbol": f"GEN{number:03}",
                "predicted_return": "0.01234567890123456",
                "confidence": None,
                "rank": number,
                "target_weight": "0.004",
            }
            for number in range(1, ORDERS + 1)
        ]
        return {
            "run_id": RUN_ID,
            "session_date": "2026-01-05",
            "as_of_date": "2026-01-02",
            "mode": "paper",
            "mode_reason": None,
            "source": {
                "source": "signal_service",
                "dated": "its own date",
                "rows": ORDERS,
                "sha256": "0" * 64,
                "modified_at": "2026-01-05T14:30:00Z",
                "age_seconds": None,
                "hindsight": False,
            },
            "signals": signals,
        }


class Map(BaseOperator):
    template_fields: Sequence[str] = ("signals",)

    def __init__(self, *, signals: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.signals = signals

    def execute(self, context: Context) -> list[dict[str, Any]]:
        return [
            {
                "symbol": signal["symbol"],
                "label": f"{signal['symbol']} buy 10",
                "client_order_ids": ["p0123456789abcdef0123456"],
            }
            for signal in self.signals["signals"]
        ]


class Submit(BaseOperator):
    template_fields: Sequence[str] = ("order",)

    def __init__(self, *, order: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order

    def execute(self, context: Context) -> dict[str, Any]:
        context["label"] = f"{self.order['label']} → acknowledged"
        (id,) = self.order["client_order_ids"]
        sent = {
            "client_order_id": id,
            "side": "buy",
            "quantity": "10",
            "state": "open",
            "reason": "Order submitted",
        }
        return {"symbol": self.order["symbol"], "orders": [sent]}


class Track(BaseOperator):
    template_fields: Sequence[str] = ("orders",)

    def __init__(self, *, orders: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.orders = orders

    def execute(self, context: Context) -> dict[str, Any]:
        number = len(self.orders)
        counts = f"{number} signals, {number} orders, {number} acknowledged, {number} filled"
        summary = f"daily_trading 2026-01-05 completed: {counts}"
        context["ti"].xcom_push(key="summary", value=summary)
        return {"run_id": RUN_ID, "status": "completed", "summary": summary}


with DAG(
    dag_id="noop",
    schedule=None,
    start_date=datetime(2005, 1, 3, tzinfo=UTC),
    catchup=False,
    max_active_runs=8,
    default_args={"owner": "bench", "retries": 3, "retry_delay": timedelta(minutes=5)},
) as dag:
    signals = Fetch(task_id="fetch_signals")
    orders = Map(task_id="map_orders", signals=signals.output)
    submitted = Submit.partial(task_id="submit_orders", map_index_template="{{ label }}").expand(order=orders.output)
    fills = Track(task_id="track_fills", orders=orders.output, trigger_rule="all_done")
    submitted >> fills
