"""A run as the ledger keeps it, field for column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from include.trading.models import Mode


@dataclass(frozen=True)
class Run:
    """A run without the services' answers, which `Runs.answers` returns.

    capital: USD; None until a share of the account's equity has become a number, which is when it is planned.
    """

    id: int
    run_id: UUID
    strategy_id: str
    as_of_date: date
    status: Literal["running", "completed", "failed", "partial"]
    symbols: list[str]
    capital: Decimal | None
    num_signals: int
    num_orders_submitted: int
    num_orders_accepted: int
    num_orders_rejected: int
    num_orders_filled: int
    started_at: datetime
    completed_at: datetime | None
    duration_seconds: Decimal | None
    error_message: str | None
    model_version: str | None
    created_at: datetime
    dag_id: str
    airflow_run_id: str
    run_type: str
    scheduled_at: datetime
    account: str
    mode: Mode
    mode_reason: str | None
    session_date: date
    revision: int
    window_opens: datetime
    send_until: datetime
    cutoff_at: datetime
    mapped_at: datetime | None
    plan_id: UUID | None
    adopted: bool
    parameters: dict[str, Any]
    code_version: str
    num_orders_planned: int
    num_orders_denied: int
    num_orders_not_sent: int
    num_orders_unknown: int
    last_acknowledged_at: datetime | None
    summary: str | None
    updated_at: datetime
