"""An order in the vendor's words: what was asked, and what the book or a fault says became of it."""

from __future__ import annotations

import json
import sqlite3
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from include.sandbox.alpaca.assets import Assets
from include.sandbox.alpaca.hours import GOOD_TILL, Hours
from include.sandbox.alpaca.views import maybe, maybe_stamp, plain, stamp
from include.sandbox.book import BrokerOrder
from include.sandbox.prices import utc

CLOSED = frozenset({"filled", "canceled", "expired", "rejected", "replaced"})


def order_body(
    assets: Assets, hours: Hours, row: sqlite3.Row, order: BrokerOrder | None, status: str
) -> dict[str, Any]:
    asked = json.loads(row["asked"])
    created_at = utc(row["created_at"])
    changed_at = order.changed_at if order else created_at
    asset = assets.get(row["symbol"])
    ended = {word: maybe_stamp(changed_at if status == word else None) for word in CLOSED}
    return {
        "id": row["id"],
        "client_order_id": row["client_order_id"],
        "created_at": stamp(created_at),
        "updated_at": stamp(changed_at),
        "submitted_at": stamp(created_at),
        "filled_at": ended["filled"],
        "expired_at": ended["expired"],
        "canceled_at": ended["canceled"],
        "failed_at": ended["rejected"],
        "replaced_at": ended["replaced"],
        "replaced_by": str(uuid.uuid5(uuid.UUID(row["id"]), "replaced")) if status == "replaced" else None,
        "replaces": None,
        "asset_id": asset.id,
        "symbol": row["symbol"],
        "asset_class": "us_equity",
        "notional": _plain(asked["notional"]),
        "qty": _plain(asked["qty"]),
        "filled_qty": plain(order.filled) if order else "0",
        "filled_avg_price": maybe(order.average_price) if order else None,
        "order_class": "",
        "order_type": asked["type"],
        "type": asked["type"],
        "side": asked["side"],
        "time_in_force": asked["time_in_force"],
        "limit_price": _plain(asked["limit_price"]),
        "stop_price": _plain(asked["stop_price"]),
        "trail_price": _plain(asked["trail_price"]),
        "trail_percent": _plain(asked["trail_percent"]),
        "hwm": None,
        "status": status,
        "extended_hours": asked["extended_hours"],
        "legs": None,
        "position_intent": asked["position_intent"] or _intent(asked["side"], Decimal(row["unit_cost"])),
        "expires_at": stamp(_expires_at(hours, created_at, asked["time_in_force"], order)),
        "source": None,
        "subtag": None,
    }


def _expires_at(hours: Hours, created_at: datetime, time_in_force: str, order: BrokerOrder | None) -> datetime:
    if order and order.ends_at and order.ends_as == "expired":
        return order.ends_at
    closes_at = hours.current(created_at).closes_at
    return closes_at if time_in_force != "gtc" else created_at + GOOD_TILL


def _intent(side: str, unit_cost: Decimal) -> str:
    return f"{side}_to_{'open' if unit_cost else 'close'}"


def _plain(text: str | None) -> str | None:
    return None if text is None else plain(Decimal(text))
