"""Runs, what became of every symbol in them, their orders and alerts."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from include import __version__
from include.trading.models import Mode, Side
from include.trading.sizing.inputs import Bound
from include.trading.strategy.request import RunRequest
from trading_airflow.web.models.base import Answer, Body, Reason, example
from trading_airflow.web.models.examples import ALERT, MAPPING, ORDER, RUN, RUN_ID, SHADOW, SIGNALS_FROM

AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?", re.ASCII)
RUN_DETAIL = {
    **RUN,
    "code_version": __version__,
    "airflow_state": None,
    "parameters": {},
    "money": None,
    "notes": [],
    "signal_origin": SIGNALS_FROM,
    "signal_service_response": None,
    "execution_gateway_responses": None,
}


class Links(Answer):
    """Paths on this server."""

    run: str = Field(description="the OrchestrationResult, once the run has begun")
    airflow: str = Field(description="the DAG run's page")


class RunSummary(Answer):
    """One run in a list."""

    model_config = example(RUN)

    run_id: UUID
    strategy_id: str
    dag_id: str
    airflow_run_id: str
    run_type: str
    account: str
    mode: Mode
    mode_reason: str | None = Field(description="why it is safer than the strategy's, where it is")
    status: Literal["running", "completed", "failed", "partial"]
    summary: str | None
    session_date: date
    as_of_date: date
    revision: int
    symbols: list[str]
    capital: Decimal | None = Field(
        description="USD; None until the run is planned where it is a share of the account's equity"
    )
    num_signals: int
    num_orders_planned: int
    num_orders_submitted: int
    num_orders_accepted: int
    num_orders_rejected: int
    num_orders_filled: int
    num_orders_denied: int
    num_orders_not_sent: int
    num_orders_unknown: int
    scheduled_at: datetime
    started_at: datetime
    last_acknowledged_at: datetime | None
    completed_at: datetime | None
    duration_seconds: Decimal | None
    send_until: datetime
    cutoff_at: datetime
    plan_id: UUID | None
    adopted: bool = Field(description="it found the session's plan and reports that one")
    error_message: str | None
    model_version: str | None
    links: Links


class SignalsFrom(Answer):
    """Where a run's signals came from."""

    model_config = example(SIGNALS_FROM)

    source: str | None = Field(default=None, description="a path, a URL, a connection or a function")
    dated: str | None = Field(default=None, description="what says that they are of this day")
    rows: int | None = None
    sha256: str | None = Field(default=None, description="of the file, or of the rows where there is none")
    modified_at: datetime | None = Field(default=None, description="when the file was written, or the answer made")
    age_seconds: Decimal | None = Field(default=None, description="from then to when it was read")
    hindsight: bool = Field(default=False, description="a replay's; nothing says that they were known on the day")
    changed: str | None = Field(default=None, description="how they changed after the plan was frozen; never traded")


class RunDetail(RunSummary):
    """One run with what it was asked and what the services answered."""

    model_config = example(RUN_DETAIL)

    code_version: str
    airflow_state: str | None = Field(description="of the DAG run, while the ledger's run is not closed")
    parameters: dict[str, Any]
    money: dict[str, Any] | None = Field(
        description="what the plan was made with of the account's money, and what that changed; None: nothing was asked"
    )
    notes: list[str] = Field(description="what the venue told or did not tell, and what of the plan changed by it")
    signal_origin: SignalsFrom | None = Field(description="None: no signals came, or an earlier version made the run")
    signal_service_response: dict[str, Any] | None = Field(description="the answer of whatever source it was")
    execution_gateway_responses: dict[str, Any] | None


class RunList(Answer):
    """A page of runs, newest first."""

    model_config = example({"runs": [RUN], "total": 1, "limit": 20, "offset": 0})

    runs: list[RunSummary]
    total: int = Field(description="how many fit, on this page or not")
    limit: int
    offset: int


class Mapping(Answer):
    """What became of one symbol, from its signal to its fill; a flip has a second leg. ADR-0006's second table."""

    model_config = example(MAPPING)

    symbol: str
    leg: int
    predicted_return: Decimal | None
    rank: int | None
    signal_weight: Decimal | None = Field(description="the signal's own weight")
    target_weight: Decimal | None = Field(description="the weight that was planned with")
    bound: Bound | None = Field(description="the constraint that made the target what it is; null: nothing was sized")
    target_quantity: Decimal | None
    held_quantity: Decimal | None
    open_quantity: Decimal | None
    delta_quantity: Decimal | None
    price: Decimal | None
    price_source: str | None
    price_at: datetime | None
    price_age_seconds: Decimal | None
    outcome: Literal["order", "skipped", "denied", "unchanged"]
    skip_reason: str | None = Field(description="a code, when skipped or denied")
    reason: str | None = Field(description="the code's sentence")
    detail: str | None = Field(description="the reason with its numbers")
    rules: list[dict[str, Any]] = Field(description="what every rule said")
    reduces: bool | None
    client_order_id: str | None
    order_side: Side | None
    order_qty: Decimal | None
    broker_order_id: str | None
    order_status: str | None
    order_error: str | None
    filled_qty: Decimal | None
    filled_avg_price: Decimal | None


class OrderEvent(Answer):
    """Who did what to an order, when, and with what answer."""

    at: datetime
    actor: str
    event: str
    from_state: str | None
    to_state: str | None
    attempt: int
    detail: dict[str, Any]


class OrderFill(Answer):
    fill_id: str
    quantity: Decimal
    price: Decimal | None
    filled_at: datetime | None


class Order(Answer):
    """An order and everything that happened to it, oldest first."""

    model_config = example(ORDER)

    client_order_id: str
    account: str
    symbol: str
    leg: int
    position: int = Field(description="in sending order, reductions first")
    side: Side
    quantity: Decimal
    price: Decimal
    reduces: bool
    state: str
    reason: str | None
    message: str | None
    attempt: int = Field(description="POSTs so far")
    gateway_order_id: str | None
    gateway_status: str | None
    broker_order_id: str | None
    filled_quantity: Decimal
    filled_avg_price: Decimal | None
    first_sent_at: datetime | None
    acknowledged_at: datetime | None
    unknown_since: datetime | None
    final_at: datetime | None
    events: list[OrderEvent]
    fills: list[OrderFill]


class Alert(Answer):
    model_config = example(ALERT)

    id: int
    kind: str
    severity: Literal["info", "warning", "critical"]
    message: str
    next_step: str
    strategy_id: str | None
    account: str | None
    session_date: date | None
    run_id: UUID | None
    count: int
    first_at: datetime
    last_at: datetime
    over_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    acknowledged_reason: str | None
    closed_by: str | None
    closed_reason: str | None


class AlertBody(Body):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "the model's owner knows"}})

    reason: Reason


class Refusal(Answer):
    """Why a request never became a run."""

    model_config = example({"words": "fetch_signals: mode: expected at most paper, got live"})

    words: str | None = Field(description="null when nothing was refused")


class ShadowTarget(Answer):
    """What a sizing that is not traded would hold of one symbol, in signed shares."""

    symbol: str
    weight: Decimal
    quantity: Decimal
    bound: str


class ShadowSizing(Answer):
    """What one of the strategy's other sizings would hold after the run; never traded."""

    model_config = example(SHADOW)

    model: str
    targets: list[ShadowTarget]
    refused: str | None = Field(description="why it found no weights")


class OrchestrationResult(Answer):
    """A run as a whole."""

    model_config = example(
        {
            "run": RUN_DETAIL,
            "mappings": [MAPPING],
            "orders": [ORDER],
            "alerts": [ALERT],
            "shadows": [SHADOW],
        }
    )

    run: RunDetail
    mappings: list[Mapping]
    orders: list[Order]
    alerts: list[Alert]
    shadows: list[ShadowSizing] = Field(description="what the strategy's other sizings would hold")


class Planned(Answer):
    """What a run wanted of one symbol."""

    symbol: str
    rank: int | None
    predicted_return: Decimal | None
    target_weight: Decimal | None
    target_quantity: Decimal | None


class PreviousPlan(Answer):
    """What the session before wanted; all null and empty when there is none."""

    run_id: UUID | None
    session_date: date | None
    links: Links | None
    symbols: list[Planned]


class RunBody(RunRequest):
    """What to run. Everything may be left out; a request only narrows what the strategy allows."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"symbols": ["AAPL", "MSFT"], "as_of_date": "2026-01-02", "wait": True}}
    )

    strategy_id: str | None = Field(default=None, description="by default daily_trading, or the only one there is")
    wait: bool = Field(default=False, description="answer when the run has ended, with its result")
    wait_seconds: float = Field(default=120, gt=0, le=600, description="… but not later than this")

    @field_validator("capital", "max_position_size", mode="before")
    @classmethod
    def _text_is_a_number(cls, value: Any) -> Any:
        # As the API answers amounts; where text is none, the field's own check says what was expected.
        return Decimal(value) if isinstance(value, str) and AMOUNT.fullmatch(value) else value


class RunAccepted(Answer):
    """A run that was started, now or by an earlier call with the same Idempotency-Key."""

    model_config = example(
        {
            "run_id": RUN_ID,
            "strategy_id": "daily_trading",
            "dag_id": "daily_trading",
            "airflow_run_id": "api__2026-01-05T14:30:00_1f0b2a68",
            "state": "queued",
            "links": {
                "run": f"/api/v1/orchestration/runs/{RUN_ID}",
                "airflow": "/dags/daily_trading/runs/api__2026-01-05T14%3A30%3A00_1f0b2a68",
            },
        }
    )

    run_id: UUID
    strategy_id: str
    dag_id: str
    airflow_run_id: str
    state: str = Field(description="Airflow's word: queued, running, success or failed")
    links: Links


class Sizings(Answer):
    """What a run wanted of every symbol, beside what the strategy's other sizings would hold."""

    symbols: list[Planned] = Field(description="empty where there is nothing to compare")
    shadows: list[ShadowSizing]
