"""Alerts: stored whatever happens to their sending; one row per cause, with a count, until it is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from include.trading.alerts.catalogue import Alarm, Severity

# A cause that comes back sooner, before its end was sent, is the same alert going on. Senders wait for less than this.
SAME_ALERT_SECONDS = 3600
_ESCALATES = """
    array_position(ARRAY['info', 'warning', 'critical'], EXCLUDED.severity)
        > array_position(ARRAY['info', 'warning', 'critical'], alerts.severity)
"""


@dataclass(frozen=True)
class Alert:
    id: int
    kind: str
    severity: Severity
    dedupe_key: str
    strategy_id: str | None
    account: str | None
    session_date: date | None
    run_id: UUID | None
    message: str
    next_step: str
    count: int
    first_at: datetime
    last_at: datetime
    sent_at: datetime | None
    over_at: datetime | None
    over_sent_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    closed_by: str | None
    closed_reason: str | None


class Alerts:
    """Queries on `alerts`, one statement a method unless it says otherwise."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def raise_alert(
        self,
        alarm: Alarm,
        *,
        strategy_id: str | None = None,
        account: str | None = None,
        session: date | None = None,
        run_id: UUID | None = None,
    ) -> bool:
        """Store the alert, or count it once more while the same cause lasts; say whether it is new (three statements).

        A cause that was over and comes back before its end was sent to anyone goes on as the same alert. One that
        became more severe is sent again.
        """
        values = {
            **asdict(alarm),
            "strategy_id": strategy_id,
            "account": account,
            "session": session,
            "run_id": run_id,
            "same_alert": SAME_ALERT_SECONDS,
        }
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", values)
            self._connection.execute(
                """
                UPDATE alerts SET over_at = NULL
                WHERE id = (SELECT max(id) FROM alerts WHERE dedupe_key = %(key)s)
                  AND over_at > clock_timestamp() - make_interval(secs => %(same_alert)s)
                  AND over_sent_at IS NULL AND severity <> 'info' AND closed_by IS NULL
                """,
                values,
            )
            row = self._connection.execute(
                f"""
                INSERT INTO alerts (
                    kind, severity, dedupe_key, message, next_step, strategy_id, account, session_date, run_id
                )
                VALUES (
                    %(kind)s, %(severity)s, %(key)s, %(message)s, %(next_step)s, %(strategy_id)s, %(account)s,
                    %(session)s, %(run_id)s
                )
                ON CONFLICT (dedupe_key) WHERE over_at IS NULL
                DO UPDATE SET
                    count = alerts.count + 1, last_at = clock_timestamp(), message = EXCLUDED.message,
                    next_step = EXCLUDED.next_step, run_id = COALESCE(EXCLUDED.run_id, alerts.run_id),
                    severity = CASE WHEN {_ESCALATES} THEN EXCLUDED.severity ELSE alerts.severity END,
                    sent_at = CASE WHEN {_ESCALATES} THEN NULL ELSE alerts.sent_at END
                RETURNING count
                """,  # noqa: S608  a constant
                values,
            ).fetchone()
        return row is not None and row["count"] == 1

    def tell(
        self,
        alarm: Alarm,
        *,
        strategy_id: str,
        account: str,
        session: date,
        run_id: UUID | None = None,
    ) -> None:
        """Store what is sent for information, once a key; a later word on the same is kept and not sent again."""
        self._connection.execute(
            """
            INSERT INTO alerts (
                kind, severity, dedupe_key, message, next_step, strategy_id, account, session_date, run_id, over_at
            )
            VALUES (
                %(kind)s, %(severity)s, %(key)s, %(message)s, %(next_step)s, %(strategy_id)s, %(account)s, %(session)s,
                %(run_id)s, clock_timestamp()
            )
            ON CONFLICT (dedupe_key) WHERE severity = 'info'
            DO UPDATE SET
                count = alerts.count + 1, last_at = clock_timestamp(), message = EXCLUDED.message,
                run_id = EXCLUDED.run_id
            """,
            {
                **asdict(alarm),
                "strategy_id": strategy_id,
                "account": account,
                "session": session,
                "run_id": run_id,
            },
        )

    def end(self, *dedupe_keys: str) -> bool:
        """Say that these causes are over; return whether an alert was open for one."""
        return (
            self._connection.execute(
                "UPDATE alerts SET over_at = clock_timestamp() WHERE dedupe_key = ANY(%(keys)s) AND over_at IS NULL",
                {"keys": list(dedupe_keys)},
            ).rowcount
            > 0
        )

    def keep_unsent(self) -> None:
        """Count everything there is as sent: nobody waits for it."""
        self._connection.execute(
            "UPDATE alerts SET sent_at = COALESCE(sent_at, clock_timestamp()), over_sent_at = clock_timestamp()"
            " WHERE sent_at IS NULL OR (over_at IS NOT NULL AND over_sent_at IS NULL)"
        )

    def end_starting(self, prefixes: Iterable[str], *, but: Sequence[str] = ()) -> None:
        """Say that every cause whose key starts with one of the prefixes is over, those of `but` excepted."""
        self._connection.execute(
            """
            UPDATE alerts SET over_at = clock_timestamp()
            WHERE over_at IS NULL AND dedupe_key <> ALL(%(but)s)
              AND EXISTS (SELECT FROM unnest(%(prefixes)s::TEXT[]) AS prefix WHERE starts_with(dedupe_key, prefix))
            """,
            {"prefixes": list(prefixes), "but": list(but)},
        )

    def end_quiet(self, kind: str, quiet_for: timedelta) -> None:
        """Say that a kind's causes are over that were not seen for so long."""
        self._connection.execute(
            """
            UPDATE alerts SET over_at = clock_timestamp()
            WHERE over_at IS NULL AND kind = %(kind)s AND last_at < clock_timestamp() - %(quiet_for)s
            """,
            {"kind": kind, "quiet_for": quiet_for},
        )

    def get(self, id: int) -> Alert | None:
        found = self._many("SELECT * FROM alerts WHERE id = %(id)s", {"id": id})
        return found[0] if found else None

    def acknowledge(self, id: int, *, by: str, reason: str) -> Alert | None:
        """Note who looks after an open alert; return it, None when it is not open."""
        found = self._many(
            """
            UPDATE alerts
            SET acknowledged_at = clock_timestamp(), acknowledged_by = %(by)s, acknowledged_reason = %(reason)s
            WHERE id = %(id)s AND over_at IS NULL RETURNING *
            """,
            {"id": id, "by": by, "reason": reason},
        )
        return found[0] if found else None

    def close(self, id: int, *, by: str, reason: str) -> Alert | None:
        """End an open alert by a person's word; return it, None when it is not open. Its cause may come back as new."""
        found = self._many(
            """
            UPDATE alerts SET over_at = clock_timestamp(), closed_by = %(by)s, closed_reason = %(reason)s
            WHERE id = %(id)s AND over_at IS NULL RETURNING *
            """,
            {"id": id, "by": by, "reason": reason},
        )
        return found[0] if found else None

    def of_run(self, run_id: UUID) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM alerts WHERE run_id = %(run_id)s ORDER BY id", {"run_id": run_id}
        ).fetchall()

    def open(self) -> list[Alert]:
        """Return the alerts whose cause lasts, oldest first."""
        return self._many("SELECT * FROM alerts WHERE over_at IS NULL ORDER BY id", {})

    def newest(self, limit: int) -> list[Alert]:
        return self._many("SELECT * FROM alerts ORDER BY id DESC LIMIT %(limit)s", {"limit": limit})

    def count(self) -> list[dict[str, Any]]:
        """Return for each kind and severity how often it was raised, and how many are open."""
        return self._connection.execute(
            """
            SELECT kind, severity, sum(count)::BIGINT AS raised, count(*) FILTER (WHERE over_at IS NULL) AS open
            FROM alerts GROUP BY kind, severity ORDER BY kind, severity
            """
        ).fetchall()

    def _many(self, query: Any, parameters: dict[str, Any]) -> list[Alert]:
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            return cursor.execute(query, parameters).fetchall()
