"""The second source: what the gateway says the account holds, what a person adopted, and where books disagree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.account.books import Break


class Books:
    """Queries on `positions`, `baselines` and `breaks`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def store_positions(self, account: str, quantities: Mapping[str, Decimal], run_id: UUID | None) -> None:
        self._connection.execute(
            "INSERT INTO positions (account, run_id, quantities) VALUES (%(account)s, %(run_id)s, %(quantities)s)",
            {
                "account": account,
                "run_id": run_id,
                "quantities": Jsonb({symbol: str(quantity) for symbol, quantity in sorted(quantities.items())}),
            },
        )

    def baseline(self, account: str) -> dict[str, Decimal]:
        """Return the positions a person declared not to be ours, the newest word on each symbol, zeros left out."""
        rows = self._connection.execute(
            """
            SELECT DISTINCT ON (symbol) symbol, quantity
            FROM baselines WHERE account = %(account)s
            ORDER BY symbol, id DESC
            """,
            {"account": account},
        ).fetchall()
        return {row["symbol"]: row["quantity"] for row in rows if row["quantity"] != 0}

    def adopt(self, account: str, symbol: str, quantity: Decimal, *, adopted_by: str, reason: str) -> None:
        self._connection.execute(
            """
            INSERT INTO baselines (account, symbol, quantity, adopted_by, reason)
            VALUES (%(account)s, %(symbol)s, %(quantity)s, %(adopted_by)s, %(reason)s)
            """,
            {"account": account, "symbol": symbol, "quantity": quantity, "adopted_by": adopted_by, "reason": reason},
        )

    def store_break(
        self,
        account: str,
        kind: str,
        dedupe_key: str,
        message: str,
        *,
        symbol: str | None = None,
        intent_id: int | None = None,
        run_id: UUID | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> bool:
        """Store a break unless the same one is open; say whether it is new."""
        row = self._connection.execute(
            """
            INSERT INTO breaks (account, kind, dedupe_key, symbol, intent_id, run_id, message, detail)
            VALUES (%(account)s, %(kind)s, %(key)s, %(symbol)s, %(intent_id)s, %(run_id)s, %(message)s, %(detail)s)
            ON CONFLICT (account, dedupe_key) WHERE resolved_at IS NULL DO NOTHING
            RETURNING id
            """,
            {
                "account": account,
                "kind": kind,
                "key": dedupe_key,
                "symbol": symbol,
                "intent_id": intent_id,
                "run_id": run_id,
                "message": message,
                "detail": Jsonb(dict(detail or {})),
            },
        ).fetchone()
        return row is not None

    def open_breaks(self, account: str) -> list[Break]:
        with self._connection.cursor(row_factory=class_row(Break)) as cursor:
            return cursor.execute(
                "SELECT * FROM breaks WHERE account = %(account)s AND resolved_at IS NULL ORDER BY id",
                {"account": account},
            ).fetchall()

    def resolve_breaks(self, account: str, *, resolved_by: str, resolution: str, symbol: str | None = None) -> int:
        """End the account's open breaks, or only those of one symbol; return how many."""
        return self._connection.execute(
            """
            UPDATE breaks
            SET resolved_at = clock_timestamp(), resolved_by = %(resolved_by)s, resolution = %(resolution)s
            WHERE account = %(account)s AND resolved_at IS NULL
              AND (%(symbol)s::TEXT IS NULL OR symbol = %(symbol)s)
            """,
            {"account": account, "resolved_by": resolved_by, "resolution": resolution, "symbol": symbol},
        ).rowcount
