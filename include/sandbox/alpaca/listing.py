"""The list of orders: filters, order and pages, as the query asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from include.sandbox.alpaca.errors import malformed
from include.sandbox.alpaca.order_body import CLOSED
from include.sandbox.alpaca.orders import Orders

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
CHUNK = 500


def list_orders(orders: Orders, query: Mapping[str, str]) -> list[dict[str, Any]]:
    status, direction = query.get("status", "open"), query.get("direction", "desc")
    if status not in ("open", "closed", "all"):
        raise malformed(f"invalid status {status}")
    if direction not in ("asc", "desc"):
        raise malformed(f"invalid direction {direction}")
    limit = read_limit(query.get("limit"), DEFAULT_LIMIT, MAX_LIMIT, "limit")
    where, values = _where(orders, query)
    found: list[dict[str, Any]] = []
    offset = 0
    while len(found) < limit:
        rows = orders.store.execute(
            f"SELECT * FROM alpaca_orders WHERE {where} "  # noqa: S608 - words of our own
            f"ORDER BY created_at {direction}, seq {direction} LIMIT {CHUNK} OFFSET {offset}",
            values,
        ).fetchall()
        said = orders.said(rows)
        found += [body for body in said if status == "all" or (body["status"] in CLOSED) == (status == "closed")]
        offset += CHUNK
        if len(rows) < CHUNK:
            break
    return found[:limit]


def _where(orders: Orders, query: Mapping[str, str]) -> tuple[str, list[Any]]:
    now = orders.settings.now().timestamp()
    words: list[str] = ["hidden_until <= ?"]
    values: list[Any] = [now]
    for name, sign in (("after", ">"), ("until", "<")):
        if query.get(name):
            words.append(f"created_at {sign} ?")
            values.append(read_time(name, query[name]).timestamp())
    anchors = [name for name in ("before_order_id", "after_order_id") if query.get(name)]
    if len(anchors) > 1 or (anchors and len(words) > 1):
        raise malformed("before_order_id, after_order_id and after/until can't be combined")
    for name in anchors:
        anchor = orders.visible(query[name])
        words.append(f"(created_at, seq) {'<' if name == 'before_order_id' else '>'} (?, ?)")
        values += [anchor["created_at"], anchor["seq"]]
    if query.get("symbols"):
        symbols = [symbol.strip().upper() for symbol in query["symbols"].split(",")]
        words.append(f"symbol IN ({', '.join('?' * len(symbols))})")
        values += symbols
    if query.get("side"):
        words.append("json_extract(asked, '$.side') = ?")
        values.append(query["side"])
    if query.get("asset_class") and not {"us_equity", "all"} & set(query["asset_class"].split(",")):
        words.append("FALSE")
    return " AND ".join(words), values


def read_limit(text: str | None, default: int, most: int, name: str) -> int:
    if text is None or text == "":
        return default
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= most:
        raise malformed(f"{name} must be between 1 and {most}")
    return int(text)


def read_time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise malformed(f"invalid {name}: {text}") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
