"""What each channel was sent of each alert. A channel that fails holds up neither another channel nor another alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from include.ledger.alerts import Alert

# How long one sender keeps a channel to itself without a word; longer than it waits for any service.
CLAIM_SECONDS = 60
# A channel that comes back is sent what it missed of this time, and of every alert that is still open.
MISSED_DAYS = 7
_SINCE = f"clock_timestamp() - make_interval(days => {MISSED_DAYS})"
_ORDER = "array_position(ARRAY['info', 'warning', 'critical'], {}.severity)"
# Something of an alert is due on a channel: that it is, that it became more severe, or that it is over.
_DUE = f"""
    alerts LEFT JOIN alert_deliveries AS told ON told.alert_id = alerts.id AND told.channel = %(channel)s
    WHERE (alerts.over_at IS NULL OR alerts.over_at > {_SINCE})
      AND told.over_told_at IS NULL AND (
          told.told_at IS NULL
          OR alerts.over_at IS NULL AND {_ORDER.format("alerts")} > {_ORDER.format("told")}
          OR alerts.severity <> 'info' AND alerts.over_at <= clock_timestamp() - make_interval(secs => %(quiet)s)
      )
"""
_ALERT = ", ".join(f"alerts.{field.name}" for field in fields(Alert))


@dataclass(frozen=True)
class Due:
    """An alert that is due on a channel. told: the channel had it before; tries: how many failed so far."""

    alert: Alert
    told: bool
    tries: int


class Deliveries:
    """Queries on `alert_channels` and `alert_deliveries`; a method is one statement unless it says otherwise."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def is_anything_due(self, *, quiet_seconds: float) -> bool:
        """Say whether an alert waits that was sent nowhere, or a known channel waits for one."""
        row = self._connection.execute(
            f"""
            SELECT EXISTS (SELECT FROM alerts WHERE sent_at IS NULL AND (over_at IS NULL OR over_at > {_SINCE}))
                OR EXISTS (SELECT FROM alert_channels AS known WHERE EXISTS (SELECT FROM {_DUE}))
                AS due
            """.replace("%(channel)s", "known.channel"),  # noqa: S608  constants
            {"quiet": quiet_seconds},
        ).fetchone()
        return row is not None and bool(row["due"])

    def add(self, channels: Sequence[str]) -> list[str]:
        """Make channels known and return them, those that worked last time first (several statements).

        A new one counts as having received what was sent before it came.
        """
        with self._connection.transaction():
            self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('alert_channels', 0))")
            self._connection.execute(
                """
                WITH new AS (
                    INSERT INTO alert_channels (channel) SELECT unnest(%(channels)s::TEXT[])
                    ON CONFLICT DO NOTHING RETURNING channel
                )
                INSERT INTO alert_deliveries (alert_id, channel, severity, told_at, over_told_at)
                SELECT alerts.id, new.channel, alerts.severity, alerts.sent_at, alerts.over_sent_at
                FROM alerts CROSS JOIN new WHERE alerts.sent_at IS NOT NULL
                """,
                {"channels": list(channels)},
            )
        rows = self._connection.execute(
            "SELECT channel FROM alert_channels WHERE channel = ANY(%(channels)s) ORDER BY failures",
            {"channels": list(channels)},
        ).fetchall()
        return [row["channel"] for row in rows]

    def claim(self, channel: str, sender: str) -> bool:
        """Take the channel for this sender alone, or keep it for longer; say whether it is this sender's."""
        return (
            self._connection.execute(
                """
                UPDATE alert_channels
                SET claimed_by = %(sender)s, claimed_until = clock_timestamp() + make_interval(secs => %(hold)s)
                WHERE channel = %(channel)s AND (claimed_by = %(sender)s OR claimed_until IS NULL
                                                 OR claimed_until < clock_timestamp())
                """,
                {"channel": channel, "sender": sender, "hold": CLAIM_SECONDS},
            ).rowcount
            > 0
        )

    def release(self, channel: str, sender: str) -> None:
        self._connection.execute(
            """
            UPDATE alert_channels SET claimed_by = NULL, claimed_until = NULL
            WHERE channel = %(channel)s AND claimed_by = %(sender)s
            """,
            {"channel": channel, "sender": sender},
        )

    def due(self, channel: str, *, quiet_seconds: float, but: Sequence[int] = ()) -> Due | None:
        """Return the oldest alert that is due on the channel, those of `but` excepted.

        quiet_seconds: an end is sent when the cause has not come back for so long.
        """
        row = self._connection.execute(
            f"""
            SELECT told.told_at IS NOT NULL AS told, COALESCE(told.tries, 0) AS tries, alerts.id FROM {_DUE}
              AND alerts.id <> ALL(%(but)s)
            ORDER BY alerts.id LIMIT 1
            """,  # noqa: S608  constants
            {"channel": channel, "quiet": quiet_seconds, "but": list(but)},
        ).fetchone()
        if row is None:
            return None
        with self._connection.cursor(row_factory=class_row(Alert)) as cursor:
            alert = cursor.execute(f"SELECT {_ALERT} FROM alerts WHERE id = %(id)s", {"id": row["id"]}).fetchone()  # noqa: S608
        return None if alert is None else Due(alert, row["told"], row["tries"])

    def record_try(self, alert: Alert, channel: str) -> None:
        """Note that a message is about to be sent; until `record_sent` it counts as failed (two statements)."""
        self._connection.execute(
            """
            INSERT INTO alert_deliveries (alert_id, channel, tries) VALUES (%(id)s, %(channel)s, 1)
            ON CONFLICT (alert_id, channel) DO UPDATE SET tries = alert_deliveries.tries + 1
            """,
            {"id": alert.id, "channel": channel},
        )
        self._connection.execute(
            """
            UPDATE alert_channels
            SET failures = failures + 1, failing_since = COALESCE(failing_since, clock_timestamp())
            WHERE channel = %(channel)s
            """,
            {"channel": channel},
        )

    def record_sent(self, alert: Alert, channel: str) -> None:
        """Note that the channel was sent the alert as it was read: also of its end if it was over (two statements).

        A cause that came back meanwhile was reported as over, so it must be sent again.
        """
        values = {
            "id": alert.id,
            "channel": channel,
            "severity": alert.severity,
            "over": alert.over_at is not None and alert.severity != "info",
        }
        self._connection.execute(
            """
            WITH its AS (
                UPDATE alerts
                SET sent_at = COALESCE(sent_at, clock_timestamp()),
                    over_sent_at = CASE WHEN %(over)s AND over_at IS NOT NULL
                                        THEN COALESCE(over_sent_at, clock_timestamp()) ELSE over_sent_at END
                WHERE id = %(id)s
                RETURNING over_at IS NOT NULL AS is_over
            )
            UPDATE alert_deliveries
            SET severity = %(severity)s, tries = 0,
                told_at = CASE WHEN %(over)s AND NOT its.is_over THEN NULL ELSE clock_timestamp() END,
                over_told_at = CASE WHEN %(over)s AND its.is_over THEN clock_timestamp() END
            FROM its
            WHERE alert_id = %(id)s AND channel = %(channel)s
            """,
            values,
        )
        self._connection.execute(
            "UPDATE alert_channels SET failures = 0, failing_since = NULL WHERE channel = %(channel)s", values
        )
