"""Who an order, a plan and a run are: pure functions of what they are for, never of when or how they are sent."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from include.trading.models import Mode, Side, Value
from include.trading.numbers import shares

NAMESPACE = UUID("5b0f4e0a-7d3c-5a52-9d5f-0e9b6f6f2c11")
SENDING_MODES: tuple[Mode, ...] = ("dry_run", "paper", "live")

# Clocks of two machines differ a little: an id made this close to midnight may carry either day.
MIDNIGHT_MARGIN = timedelta(minutes=5)


class PlanKey(Value):
    """What makes a plan *this* plan. There is at most one frozen list of orders per key."""

    mode: Mode
    account: str
    strategy_id: str
    session: date
    revision: int

    def __str__(self) -> str:
        return f"{self.mode}|{self.account}|{self.strategy_id}|{self.session.isoformat()}|{self.revision}"

    @property
    def plan_id(self) -> UUID:
        return uuid5(NAMESPACE, f"plan|{self}")


def slot(key: PlanKey, symbol: str, leg: Literal[1, 2]) -> str:
    """Return what makes an order *this* order: price, quantity, time and Airflow run are not part of it."""
    return f"{key}|{symbol}|{leg}"


def client_order_id(key: PlanKey, symbol: str, leg: Literal[1, 2]) -> str:
    """Return the id our order carries: the mode's first letter and 23 hex digits of the slot's SHA-256.

    Fits contract v2: at most 24 characters of [A-Za-z0-9_-]. Raises ValueError for a mode that never sends.
    """
    if key.mode not in SENDING_MODES:
        raise ValueError(f"a {key.mode} run has no orders, so no order ids: expected one of {SENDING_MODES}")
    return key.mode[0] + hashlib.sha256(slot(key, symbol, leg).encode()).hexdigest()[:23]


def run_id(dag_id: str, airflow_run_id: str, *, is_backfill: bool) -> UUID:
    """Return the id of one run's row; a backfill that reprocesses a run is another row."""
    return uuid5(NAMESPACE, f"run|{dag_id}|{airflow_run_id}|{'backfill' if is_backfill else 'run'}")


def takes_our_order_id(contract: str) -> bool:
    """Say of a frozen plan's venue whether it stores orders under our own ids: every one but a v1 gateway does."""
    return contract != "v1"


def gateway_order_id_v1(symbol: str, side: Side, quantity: Decimal, gateway_strategy_id: str, day: date) -> str:
    """Return the id a v1 gateway makes for a market day order. Source: service-contracts 2.4.

    gateway_strategy_id: the gateway's own, from its /health. day: the gateway's local date.
    """
    text = f"{symbol}|{side}|{shares(quantity)}|None|None|{gateway_strategy_id}|{day.isoformat()}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def broker_days(starts_at: datetime, times_out_at: datetime, broker_timezone: str) -> tuple[date, ...]:
    """Return the gateway's local dates on which a request of this span may have been stored: around midnight two."""
    zone = ZoneInfo(broker_timezone)
    first = (starts_at - MIDNIGHT_MARGIN).astimezone(zone).date()
    last = (times_out_at + MIDNIGHT_MARGIN).astimezone(zone).date()
    return (first,) if first == last else (first, last)
