"""Plans: one frozen list of orders per (mode, account, strategy, session, revision)."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.order.identity import PlanKey
from include.trading.plan.record import PlanRecord

GET = "SELECT * FROM plans WHERE plan_id = %(plan_id)s"


class Plans:
    """Queries on `plans`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def get(self, plan_id: UUID) -> PlanRecord | None:
        with self._connection.cursor(row_factory=class_row(PlanRecord)) as cursor:
            return cursor.execute(GET, {"plan_id": plan_id}).fetchone()

    def lock(self, plan_id: UUID) -> PlanRecord:
        """Lock the row until the transaction ends; the account's row must be locked already."""
        with self._connection.cursor(row_factory=class_row(PlanRecord)) as cursor:
            row = cursor.execute(f"{GET} FOR UPDATE", {"plan_id": plan_id}).fetchone()
        if row is None:
            raise LookupError(f"no plan {plan_id} in the ledger")
        return row

    def latest(self, *, mode: str, account: str, strategy_id: str, session: date) -> PlanRecord | None:
        """Return the plan of the highest revision of this session."""
        with self._connection.cursor(row_factory=class_row(PlanRecord)) as cursor:
            return cursor.execute(
                """
                SELECT * FROM plans
                WHERE mode = %(mode)s AND account = %(account)s
                  AND strategy_id = %(strategy_id)s AND session_date = %(session)s
                ORDER BY revision DESC
                LIMIT 1
                """,
                {"mode": mode, "account": account, "strategy_id": strategy_id, "session": session},
            ).fetchone()

    def gateway_connections(self) -> list[str]:
        """Return the names of the gateway connections that plans were ever made for."""
        rows = self._connection.execute(
            """
            SELECT DISTINCT name
            FROM plans, LATERAL (
                -- gateway_connection: as the version before named it.
                SELECT coalesce(parameters -> 'strategy' ->> 'venue', parameters -> 'strategy' ->> 'gateway_connection')
            ) AS of_plan (name)
            WHERE name IS NOT NULL ORDER BY name
            """
        ).fetchall()
        return [row["name"] for row in rows]

    def strategies(self, account: str) -> list[str]:
        """Return the ids of the strategies that anything was ever planned or booked for on the account."""
        rows = self._connection.execute(
            """
            SELECT strategy_id FROM plans WHERE account = %(account)s
            UNION SELECT strategy_id FROM movements WHERE account = %(account)s
            ORDER BY strategy_id
            """,
            {"account": account},
        ).fetchall()
        return [row["strategy_id"] for row in rows]

    def open_plans(self, account: str) -> list[PlanRecord]:
        with self._connection.cursor(row_factory=class_row(PlanRecord)) as cursor:
            return cursor.execute(
                "SELECT * FROM plans WHERE account = %(account)s AND state = 'open' ORDER BY frozen_at",
                {"account": account},
            ).fetchall()

    def insert(self, key: PlanKey, **columns: Any) -> None:
        """Store a new plan; the unique key makes a second one of the same session an error."""
        self._connection.execute(
            """
            INSERT INTO plans (
                plan_id, mode, account, strategy_id, session_date, revision, contract, as_of_date, parameters,
                window_opens, send_until, cutoff_at, orders_per_minute, created_by_run, gateway
            )
            VALUES (
                %(plan_id)s, %(mode)s, %(account)s, %(strategy_id)s, %(session)s, %(revision)s, %(contract)s,
                %(as_of_date)s, %(parameters)s, %(window_opens)s, %(send_until)s, %(cutoff_at)s,
                %(orders_per_minute)s, %(created_by_run)s, %(gateway)s
            )
            """,
            {
                **columns,
                "parameters": Jsonb(columns["parameters"]),
                "gateway": Jsonb(columns["gateway"]),
                "plan_id": key.plan_id,
                "mode": key.mode,
                "account": key.account,
                "strategy_id": key.strategy_id,
                "session": key.session,
                "revision": key.revision,
            },
        )

    def close(self, plan_id: UUID, reason: str) -> None:
        """Close a plan: none of its orders may be sent any more."""
        self._connection.execute(
            """
            UPDATE plans SET state = 'closed', closed_reason = %(reason)s, closed_at = clock_timestamp()
            WHERE plan_id = %(plan_id)s AND state = 'open'
            """,
            {"plan_id": plan_id, "reason": reason},
        )
