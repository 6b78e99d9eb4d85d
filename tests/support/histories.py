"""Histories of an order, an account and the words of a gateway, as the history checker reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from include.trading.audit.history import (
    AccountEvent,
    AccountHistory,
    Attempt,
    Book,
    Event,
    GatewayWords,
    OrderHistory,
    Word,
)
from include.trading.models import Contract, OrderReport
from tests.support.reports import meant

NOON = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
SLOT = "paper|sandbox|daily_trading|2026-11-27|1|AAPL|1"
ID = "p" + hashlib.sha256(SLOT.encode()).hexdigest()[:23]
TEN = Decimal(10)
REPORTED = {"status": "pending_new", "broker_order_id": "b1", "filled_quantity": "0"}
FILLED = {"status": "filled", "broker_order_id": "b1", "filled_quantity": "10"}

Step = tuple[Any, ...]
SENT: tuple[Step, ...] = (("planned", "planned"), ("sending", "sending"))
GOOD: tuple[Step, ...] = (*SENT, ("answered", "open", REPORTED), ("tracked", "filled", FILLED))


def events(*steps: Step) -> tuple[Event, ...]:
    """Return events, a second each, from (event, state it ends in, detail, …changes)."""
    found: list[Event] = []
    state, attempt = None, 0
    for number, (name, following, *rest) in enumerate(steps):
        attempt += name == "sending"
        detail: Mapping[str, Any] = rest[0] if rest else {}
        found.append(Event(number, NOON + timedelta(seconds=number), name, state, following, attempt, detail))
        state = following
    return tuple(found)


def tries(count: int, **changes: Any) -> tuple[Attempt, ...]:
    good = [Attempt(one, NOON, NOON + timedelta(seconds=15), (ID,)) for one in range(1, count + 1)]
    return tuple(replace(one, **changes) for one in good)


def order(*steps: Step, **changes: Any) -> OrderHistory:
    """Return an order with these events; everything else agrees with them unless changed."""
    happened = events(*(steps or GOOD))
    sends = sum(event.event == "sending" for event in happened)
    filled = max((event.told_filled for event in happened), default=Decimal(0))
    values: dict[str, Any] = {
        "id": 1,
        "client_order_id": ID,
        "slot": SLOT,
        "mode": "paper",
        "contract": "v2",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": Decimal(10),
        "reduces": False,
        "window_opens": NOON - timedelta(hours=1),
        "send_until": NOON + timedelta(hours=1),
        "events": happened,
        "attempts": tries(sends),
        "fills": (filled,) if filled else (),
        "column_state": happened[-1].to_state,
        "column_attempt": sends,
        "column_filled": filled,
    }
    return OrderHistory(**values | changes)


def account(one: OrderHistory, **changes: Any) -> AccountHistory:
    signed = one.filled if one.side == "buy" else -one.filled
    values: dict[str, Any] = {
        "account": "sandbox",
        "orders": (one,),
        "account_events": (),
        "account_state": "active",
        "books": (Book("daily_trading", "paper", "AAPL", signed, signed, signed),) if signed else (),
        "baseline": {},
        "live_symbols": frozenset(),
        "breaks": (),
    }
    return AccountHistory(**values | changes)


def report(status: str = "filled", filled: Decimal = TEN, **changes: Any) -> OrderReport:
    values: dict[str, Any] = {
        "gateway_order_id": ID,
        "broker_order_id": "b1",
        "symbol": "AAPL",
        "side": "buy",
        "quantity": TEN,
        "status": status,
        "filled_quantity": filled,
        "raw": {"created_at": NOON.isoformat()},
    }
    return meant(values | changes)


def says(word: Word, **positions: int) -> GatewayWords:
    return GatewayWords({ID: word}, {symbol: Decimal(quantity) for symbol, quantity in positions.items()})


TRUE = says(report(), AAPL=10)
NEVER = says(None)
WORKING = says(report("new", Decimal(0)))

FREED = ("nothing_stored", "planned")
UNKNOWN = ("outcome_unknown", "unknown")
ONE_404, TWO_404 = ("not_found", "unknown"), ("proven_absent", "planned")
REST = (("answered", "open", REPORTED), ("tracked", "filled", FILLED))
OPEN = (*SENT, ("answered", "open", REPORTED))
NOT_SENT = (("planned", "planned"), ("not_sent", "not_sent"))
REJECTED = (*SENT, ("rejected", "rejected", {"status": 422}))
HALTED = AccountEvent(NOON, "active", "halted")
REDUCING = AccountEvent(NOON, "active", "reduce_only")
RESUMED = AccountEvent(NOON + timedelta(minutes=1), "halted", "active")
GONE = NOON + timedelta(hours=2)
BOOK = Book("daily_trading", "paper", "AAPL", TEN, TEN, TEN)
V1: Contract = "v1"
