"""The account's activities: fills and what else changed its cash, one row for each, in pages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from include.sandbox.alpaca.assets import NAMESPACE
from include.sandbox.alpaca.errors import malformed
from include.sandbox.alpaca.hours import NEW_YORK
from include.sandbox.alpaca.listing import read_limit, read_time
from include.sandbox.alpaca.views import plain, stamp
from include.sandbox.book import Book, BrokerOrder, Execution
from include.sandbox.cash import Cash

MAX_PAGE = 100
DAY = timedelta(days=1)
Activity = tuple[datetime, str, dict[str, Any]]


def list_activities(
    book: Book, cash: Cash, now: datetime, query: Mapping[str, str], kinds: str
) -> list[dict[str, Any]]:
    """Return one page of what the query asks for.  kinds: activity types with commas, "" for all."""
    direction = query.get("direction", "desc")
    if direction not in ("asc", "desc"):
        raise malformed(f"invalid direction {direction}")
    size = read_limit(query.get("page_size"), MAX_PAGE, MAX_PAGE, "page_size")
    wanted, category = kinds.split(",") if kinds else [], query.get("category")
    wants_fills = (not wanted or "FILL" in wanted) and category != "non_trade_activity"
    found = _fills(book, now) if wants_fills else []
    if category != "trade_activity":
        found += [row for row in cash.rows if not wanted or row[2]["activity_type"] in wanted]
        found.sort(key=lambda row: row[:2])
    if query.get("order_id"):
        found = [row for row in found if row[2].get("order_id") == query["order_id"]]
    if query.get("after"):
        after = read_time("after", query["after"])
        found = [row for row in found if row[0] > after]
    if query.get("until"):
        until = read_time("until", query["until"])
        found = [row for row in found if row[0] < until]
    if query.get("date"):
        start = read_time("date", query["date"])
        found = [row for row in found if start <= row[0] < start + DAY]
    rows = [body for _, _, body in (found if direction == "asc" else reversed(found))]
    if token := query.get("page_token"):
        ids = [row["id"] for row in rows]
        if token not in ids:
            raise malformed(f"invalid page_token: {token}")
        rows = rows[ids.index(token) + 1 :]
    return rows[:size]


def _fills(book: Book, now: datetime) -> list[Activity]:
    found: list[Activity] = []
    for order in book.orders(now.timestamp()):
        done = Decimal(0)
        for execution in order.executions:
            done += abs(execution.qty)
            found.append((execution.at, execution.fill_id, _body(order, execution, done)))
    return sorted(found, key=lambda fill: fill[:2])


def _body(order: BrokerOrder, execution: Execution, done: Decimal) -> dict[str, Any]:
    left = max(order.qty - done, Decimal(0))
    # The vendor's ids begin with the time in New York.
    local = execution.at.astimezone(NEW_YORK)
    return {
        "id": f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03}::{uuid.uuid5(NAMESPACE, execution.fill_id)}",
        "activity_type": "FILL",
        "transaction_time": stamp(execution.at),
        "type": "partial_fill" if left else "fill",
        "price": plain(execution.price),
        "qty": plain(abs(execution.qty)),
        "side": order.side,
        "symbol": execution.symbol,
        "leaves_qty": plain(left),
        "order_id": order.broker_order_id,
        "cum_qty": plain(done),
        "order_status": "partially_filled" if left else "filled",
    }
