"""A run as the API answers it: rows of the ledger put together, with paths to where they are."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Request

from include.ledger.ledger import Ledger
from include.ledger.pages import Pages
from include.trading.order.row import Intent
from include.trading.plan.reasons import REASONS
from include.trading.run.outcome import OrderFact, count_orders
from include.trading.run.row import Run
from trading_airflow.web import dagruns
from trading_airflow.web.models.runs import (
    Alert,
    Links,
    Mapping,
    OrchestrationResult,
    Order,
    OrderEvent,
    OrderFill,
    RunDetail,
    RunSummary,
    ShadowSizing,
)

API_PREFIX = "/api/v1/orchestration"


def base_path(request: Request) -> str:
    """Return the path below which Airflow's API server is reached, without a slash at the end."""
    return str(request.scope.get("app_root_path", "")).rstrip("/")


def links(base: str, run_id: UUID, dag_id: str, airflow_run_id: str) -> Links:
    return Links(
        run=f"{base}{API_PREFIX}/runs/{run_id}",
        airflow=f"{base}/dags/{quote(dag_id, safe='')}/runs/{quote(airflow_run_id, safe='')}",
    )


def run_summary(base: str, row: AnyMapping[str, Any]) -> RunSummary:
    place = links(base, row["run_id"], row["dag_id"], row["airflow_run_id"])
    return RunSummary.model_validate({**row, "links": place})


def counts_now(run: Run, intents: Sequence[Intent], ordered: int) -> dict[str, int]:
    """Return the numbers of a run that is not closed: its row has none before."""
    if run.status != "running":
        return {}
    counts = count_orders(
        OrderFact(state=intent.state, acknowledged=intent.acknowledged_at is not None) for intent in intents
    )
    return {
        "num_orders_planned": counts.planned if intents else ordered,
        "num_orders_submitted": counts.submitted,
        "num_orders_accepted": counts.accepted,
        "num_orders_rejected": counts.rejected,
        "num_orders_filled": counts.filled,
        "num_orders_denied": counts.denied,
        "num_orders_not_sent": counts.not_sent,
        "num_orders_unknown": counts.unknown,
    }


def result_of(ledger: Ledger, base: str, run: Run) -> OrchestrationResult:
    """Return the run with everything that belongs to it, as it is now."""
    pages = Pages(ledger.connection)
    intents = [] if run.plan_id is None else ledger.orders.of_plan(run.plan_id)
    events: dict[int, list[OrderEvent]] = {intent.id: [] for intent in intents}
    fills: dict[int, list[OrderFill]] = {intent.id: [] for intent in intents}
    for event in ledger.orders.events(list(events)):
        events[event["intent_id"]].append(OrderEvent.model_validate(event))
    for fill in pages.fills(list(fills)):
        fills[fill["intent_id"]].append(OrderFill.model_validate(fill))
    place = links(base, run.run_id, run.dag_id, run.airflow_run_id)
    mappings = ledger.runs.mappings(run.run_id)
    ordered = sum(row["outcome"] == "order" for row in mappings)
    plan = None if run.plan_id is None else ledger.plans.get(run.plan_id)
    started = dagruns.find(run.dag_id, run.airflow_run_id) if run.status == "running" else None
    made_with = {} if plan is None else plan.parameters
    return OrchestrationResult(
        run=RunDetail.model_validate(
            {
                **vars(run),
                **counts_now(run, intents, ordered),
                **ledger.runs.answers(run.run_id),
                "airflow_state": None if started is None else started.state,
                "money": made_with.get("money"),
                "notes": [*made_with.get("money", {}).get("notes", ()), *made_with.get("notes", ())],
                "links": place,
            }
        ),
        mappings=[Mapping.model_validate({**row, "reason": REASONS.get(row["skip_reason"] or "")}) for row in mappings],
        orders=[
            Order.model_validate({**vars(intent), "events": events[intent.id], "fills": fills[intent.id]})
            for intent in intents
        ],
        alerts=[Alert.model_validate(row) for row in ledger.alerts.of_run(run.run_id)],
        shadows=shadows_of(ledger, run),
    )


def shadows_of(ledger: Ledger, run: Run) -> list[ShadowSizing]:
    """Return what the strategy's other sizings would hold, by the run that made the plan."""
    plan = None if run.plan_id is None else ledger.plans.get(run.plan_id)
    found = ledger.plan_inputs.shadows([run.run_id if plan is None else plan.created_by_run])
    return [ShadowSizing.model_validate(row) for row in found]
