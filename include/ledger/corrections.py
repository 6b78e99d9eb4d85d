"""Corrections: what a person changed of what a strategy holds, and the movements that did it. Append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.account.books import Correction, Movement


class Corrections:
    """Queries on `corrections` and their movements, one statement a method unless it says otherwise."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def store(
        self,
        account: str,
        *,
        strategy_id: str,
        symbol: str | None,
        kind: str,
        detail: Mapping[str, Any],
        against_gateway: bool,
        actor: str,
        reason: str,
        movements: Sequence[Movement],
        undoes: int | None = None,
    ) -> int:
        """Store a correction with its movements and return its id (two statements); the account must be locked."""
        row = self._connection.execute(
            """
            INSERT INTO corrections (
                account, strategy_id, symbol, kind, detail, against_gateway, undoes, actor, reason
            )
            VALUES (
                %(account)s, %(strategy_id)s, %(symbol)s, %(kind)s, %(detail)s, %(against_gateway)s, %(undoes)s,
                %(actor)s, %(reason)s
            )
            RETURNING id
            """,
            {
                "account": account,
                "strategy_id": strategy_id,
                "symbol": symbol,
                "kind": kind,
                "detail": Jsonb(dict(detail)),
                "against_gateway": against_gateway,
                "undoes": undoes,
                "actor": actor,
                "reason": reason,
            },
        ).fetchone()
        if row is None:
            raise LookupError("the ledger's database returned no id of a correction")
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id, correction_id)
                VALUES (
                    %(account)s, %(strategy_id)s, %(mode)s, %(symbol)s, %(quantity)s, %(kind)s, %(intent_id)s, %(id)s
                )
                """,
                [{**vars(movement), "account": account, "id": row["id"]} for movement in movements],
            )
        return int(row["id"])

    def get(self, id: int) -> Correction | None:
        with self._connection.cursor(row_factory=class_row(Correction)) as cursor:
            return cursor.execute("SELECT * FROM corrections WHERE id = %(id)s", {"id": id}).fetchone()

    def of_account(self, account: str, *, limit: int = 100) -> list[Correction]:
        """Return the account's corrections, newest first."""
        with self._connection.cursor(row_factory=class_row(Correction)) as cursor:
            return cursor.execute(
                "SELECT * FROM corrections WHERE account = %(account)s ORDER BY id DESC LIMIT %(limit)s",
                {"account": account, "limit": limit},
            ).fetchall()

    def standing(self, account: str, strategy_id: str, symbol: str, since: date) -> list[Correction]:
        """Return a symbol's corrections by hand since a day that were not undone, newest first."""
        with self._connection.cursor(row_factory=class_row(Correction)) as cursor:
            return cursor.execute(
                """
                SELECT * FROM corrections
                WHERE account = %(account)s AND strategy_id = %(strategy_id)s AND symbol = %(symbol)s
                  AND (at AT TIME ZONE 'UTC')::DATE >= %(since)s AND kind <> 'undo'
                  AND id NOT IN (SELECT undoes FROM corrections WHERE undoes IS NOT NULL)
                  AND id NOT IN (
                      SELECT correction_id FROM corporate_action_events WHERE correction_id IS NOT NULL
                  )
                ORDER BY id DESC
                """,
                {"account": account, "strategy_id": strategy_id, "symbol": symbol, "since": since},
            ).fetchall()

    def renamed(self, account: str, strategy_id: str) -> list[tuple[str, str]]:
        """Return the old and the new symbols of what a strategy holds under another name than it was bought."""
        rows = self._connection.execute(
            """
            SELECT DISTINCT symbol AS old, detail ->> 'to' AS new FROM corrections
            WHERE account = %(account)s AND strategy_id = %(strategy_id)s AND kind = 'rename'
              AND id NOT IN (SELECT undoes FROM corrections WHERE undoes IS NOT NULL)
            ORDER BY 1, 2
            """,
            {"account": account, "strategy_id": strategy_id},
        ).fetchall()
        return [(row["old"], row["new"]) for row in rows]

    def is_undone(self, id: int) -> bool:
        return (
            self._connection.execute("SELECT FROM corrections WHERE undoes = %(id)s", {"id": id}).fetchone() is not None
        )

    def effect(self, id: int) -> list[Movement]:
        """Return what a correction moves up to now, without what of it gave way to real fills or was undone."""
        with self._connection.cursor(row_factory=class_row(Movement)) as cursor:
            return cursor.execute(
                """
                SELECT strategy_id, mode, symbol, sum(quantity) AS quantity, movements.kind, intent_id
                FROM movements
                WHERE correction_id IN (SELECT id FROM corrections WHERE id = %(id)s OR undoes = %(id)s)
                GROUP BY strategy_id, mode, symbol, movements.kind, intent_id
                HAVING sum(quantity) <> 0
                ORDER BY symbol, strategy_id
                """,
                {"id": id},
            ).fetchall()

    def by_hand(self, intent_id: int) -> Decimal:
        """Return the signed shares that a person booked on an order and no real fill has taken the place of."""
        row = self._connection.execute(
            "SELECT COALESCE(sum(quantity), 0) AS quantity FROM movements"
            " WHERE intent_id = %(id)s AND correction_id IS NOT NULL",
            {"id": intent_id},
        ).fetchone()
        return Decimal(0) if row is None else row["quantity"]

    def holdings(self, account: str, strategy_id: str, symbol: str | None) -> list[Movement]:
        """Return what a strategy holds as the movements that would take it away, one a mode and symbol."""
        with self._connection.cursor(row_factory=class_row(Movement)) as cursor:
            return cursor.execute(
                """
                SELECT strategy_id, mode, symbol, -sum(quantity) AS quantity, 'transfer' AS kind,
                       NULL::BIGINT AS intent_id
                FROM movements
                WHERE account = %(account)s AND strategy_id = %(strategy_id)s
                  AND (%(symbol)s::TEXT IS NULL OR symbol = %(symbol)s)
                GROUP BY strategy_id, mode, symbol HAVING sum(quantity) <> 0
                ORDER BY symbol, mode
                """,
                {"account": account, "strategy_id": strategy_id, "symbol": symbol},
            ).fetchall()

    def holders(self, account: str, symbol: str) -> dict[str, Decimal]:
        """Return the strategies that hold a symbol of the account, with their signed shares."""
        rows = self._connection.execute(
            """
            SELECT strategy_id, sum(quantity) AS quantity FROM movements
            WHERE account = %(account)s AND symbol = %(symbol)s AND mode IN ('paper', 'live')
            GROUP BY strategy_id HAVING sum(quantity) <> 0 ORDER BY strategy_id
            """,
            {"account": account, "symbol": symbol},
        ).fetchall()
        return {row["strategy_id"]: row["quantity"] for row in rows}
