"""Alerts: stored whatever happens to their sending; one row a cause, with a count, until it is over."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection


class Alerts:
    """Queries on `alerts`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def raise_alert(
        self,
        kind: str,
        severity: str,
        dedupe_key: str,
        message: str,
        next_step: str,
        *,
        strategy_id: str | None = None,
        account: str | None = None,
        session: date | None = None,
        run_id: UUID | None = None,
    ) -> bool:
        """Store the alert, or count it once more while the same cause lasts; say whether it is new."""
        row = self._connection.execute(
            """
            INSERT INTO alerts (
                kind, severity, dedupe_key, message, next_step, strategy_id, account, session_date, run_id
            )
            VALUES (
                %(kind)s, %(severity)s, %(key)s, %(message)s, %(next_step)s, %(strategy_id)s, %(account)s,
                %(session)s, %(run_id)s
            )
            ON CONFLICT (dedupe_key) WHERE over_at IS NULL
            DO UPDATE SET count = alerts.count + 1, last_at = clock_timestamp(), message = EXCLUDED.message
            RETURNING count
            """,
            {
                "kind": kind,
                "severity": severity,
                "key": dedupe_key,
                "message": message,
                "next_step": next_step,
                "strategy_id": strategy_id,
                "account": account,
                "session": session,
                "run_id": run_id,
            },
        ).fetchone()
        return row is not None and row["count"] == 1

    def end(self, dedupe_key: str) -> bool:
        """Say that a cause is over; return whether an alert was open for it."""
        return (
            self._connection.execute(
                "UPDATE alerts SET over_at = clock_timestamp() WHERE dedupe_key = %(key)s AND over_at IS NULL",
                {"key": dedupe_key},
            ).rowcount
            > 0
        )

    def of_run(self, run_id: UUID) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM alerts WHERE run_id = %(run_id)s ORDER BY id", {"run_id": run_id}
        ).fetchall()
