"""What the history checker judges, read in one snapshot: rows that only grow, and what was frozen with the plans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import Connection

from include.trading.audit.history import AccountEvent, AccountHistory, Attempt, Book, BreakRow, Event, OrderHistory

ORDERS = """
    SELECT intents.*, plans.contract, plans.window_opens, plans.send_until
    FROM order_intents AS intents JOIN plans ON plans.plan_id = intents.plan_id
    WHERE intents.account = %(account)s AND plans.session_date BETWEEN %(first)s AND %(last)s
    ORDER BY intents.id
"""
OF_ORDERS = {
    "events": "SELECT * FROM order_events WHERE intent_id = ANY(%(ids)s) ORDER BY id",
    "attempts": "SELECT * FROM order_attempts WHERE intent_id = ANY(%(ids)s) ORDER BY intent_id, attempt",
    "fills": "SELECT intent_id, quantity FROM fills WHERE intent_id = ANY(%(ids)s) ORDER BY id",
}
ACCOUNT_EVENTS = "SELECT at, from_state, to_state FROM account_events WHERE account = %(account)s ORDER BY id"
# held: what orders' rows say is filled, and what was corrected. moved: the sum of movements, as plans and reports read
# it. explained: what executions and recorded corrections say.
BOOKS = """
    SELECT strategy_id, mode, symbol, sum(held) AS held, sum(moved) AS moved, sum(explained) AS explained
    FROM (
        SELECT strategy_id, mode, symbol, sign * filled_quantity AS held, 0 AS moved, 0 AS explained
        FROM (SELECT *, CASE side WHEN 'buy' THEN 1 ELSE -1 END AS sign FROM order_intents) AS intents
        WHERE account = %(account)s AND filled_quantity <> 0
        UNION ALL
        SELECT strategy_id, mode, symbol, 0, 0, CASE side WHEN 'buy' THEN fills.quantity ELSE -fills.quantity END
        FROM fills JOIN order_intents ON order_intents.id = fills.intent_id
        WHERE fills.account = %(account)s
        UNION ALL
        SELECT movements.strategy_id, mode, movements.symbol,
            CASE WHEN movements.kind = 'fill' THEN 0 ELSE movements.quantity END,
            movements.quantity,
            CASE WHEN corrections.id IS NULL THEN 0 ELSE movements.quantity END
        FROM movements LEFT JOIN corrections ON corrections.id = movements.correction_id
            AND corrections.account = movements.account
        WHERE movements.account = %(account)s
    ) AS parts
    GROUP BY strategy_id, mode, symbol
    ORDER BY strategy_id, mode, symbol
"""
BASELINE = """
    SELECT DISTINCT ON (symbol) symbol, quantity FROM baselines WHERE account = %(account)s ORDER BY symbol, id DESC
"""
LIVE = """
    SELECT DISTINCT symbol FROM order_intents WHERE account = %(account)s AND state IN ('sending', 'unknown', 'open')
"""
BREAKS = "SELECT id, intent_id, resolution, resolved_at FROM breaks WHERE account = %(account)s ORDER BY id"


def read_history(connection: Connection[Any], account: str, first: date, last: date) -> AccountHistory:
    """Return an account's history: the orders of these sessions, and the whole of its books and its own events."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        words: Mapping[str, Any] = {"account": account, "first": first, "last": last}

        def rows(query: str) -> list[dict[str, Any]]:
            return connection.execute(query, words).fetchall()

        intents = rows(ORDERS)
        ids = [row["id"] for row in intents]
        parts = {
            name: _by_order(connection.execute(query, {"ids": ids}).fetchall()) for name, query in OF_ORDERS.items()
        }
        states = rows("SELECT state FROM accounts WHERE account = %(account)s")
        return AccountHistory(
            account=account,
            orders=tuple(_order(row, {name: found[row["id"]] for name, found in parts.items()}) for row in intents),
            account_events=tuple(AccountEvent(**row) for row in rows(ACCOUNT_EVENTS)),
            account_state=states[0]["state"] if states else "active",
            books=tuple(Book(**row) for row in rows(BOOKS)),
            baseline={row["symbol"]: row["quantity"] for row in rows(BASELINE)},
            live_symbols=frozenset(row["symbol"] for row in rows(LIVE)),
            breaks=tuple(
                BreakRow(row["id"], row["intent_id"], None if row["resolved_at"] is None else row["resolution"] or "")
                for row in rows(BREAKS)
            ),
        )


def _by_order(rows: Iterable[dict[str, Any]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["intent_id"]].append(row)
    return found


def _order(row: Mapping[str, Any], parts: Mapping[str, list[dict[str, Any]]]) -> OrderHistory:
    kept = ("id", "client_order_id", "slot", "mode", "contract", "symbol", "side", "quantity", "reduces")
    return OrderHistory(
        **{name: row[name] for name in (*kept, "window_opens", "send_until")},
        events=tuple(
            Event(
                id=event["id"],
                at=event["at"],
                event=event["event"],
                from_state=event["from_state"],
                to_state=event["to_state"],
                attempt=event["attempt"],
                detail=event["detail"],
            )
            for event in parts["events"]
        ),
        attempts=tuple(
            Attempt(
                attempt=each["attempt"],
                started_at=each["started_at"],
                times_out_at=each["times_out_at"],
                gateway_order_ids=tuple(each["gateway_order_ids"]),
                binding=each["binding"],
            )
            for each in parts["attempts"]
        ),
        fills=tuple(Decimal(fill["quantity"]) for fill in parts["fills"]),
        column_state=row["state"],
        column_attempt=row["attempt"],
        column_filled=row["filled_quantity"],
    )
