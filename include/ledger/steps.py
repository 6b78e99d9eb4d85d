"""Steps of runs, try by try, and the heartbeats of what nothing else watches."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection


class Steps:
    """Queries on `run_steps` and `heartbeats`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def start(self, run_id: UUID, step: str, *, try_number: int, symbol: str | None = None) -> int:
        """Note that a try of a step began; return the row's id. Going on after a deferred wait is another row."""
        row = self._connection.execute(
            """
            INSERT INTO run_steps (run_id, step, symbol, try_number)
            VALUES (%(run_id)s, %(step)s, %(symbol)s, %(try_number)s)
            RETURNING id
            """,
            {"run_id": run_id, "step": step, "symbol": symbol, "try_number": try_number},
        ).fetchone()
        return 0 if row is None else int(row["id"])

    def end(self, id: int, *, error: str | None = None) -> None:
        self._connection.execute(
            "UPDATE run_steps SET ended_at = clock_timestamp(), error = %(error)s WHERE id = %(id)s",
            {"id": id, "error": None if error is None else error[:4000]},
        )

    def errors(self, run_id: UUID) -> int:
        """Return how many tries of the run's steps ended with an error, or were killed and made again."""
        row = self._connection.execute(
            """
            SELECT count(*) AS errors FROM run_steps AS steps
            WHERE run_id = %(run_id)s AND (
                error IS NOT NULL
                OR ended_at IS NULL AND EXISTS (
                    SELECT FROM run_steps AS later
                    WHERE later.run_id = steps.run_id AND later.step = steps.step AND later.id > steps.id
                      AND later.symbol IS NOT DISTINCT FROM steps.symbol AND later.try_number > steps.try_number
                )
            )
            """,
            {"run_id": run_id},
        ).fetchone()
        return 0 if row is None else int(row["errors"])

    def last_error(self, run_id: UUID) -> str | None:
        """Return how the newest try that failed ended; it is there also of a run whose row was never written."""
        row = self._connection.execute(
            "SELECT error FROM run_steps WHERE run_id = %(run_id)s AND error IS NOT NULL ORDER BY id DESC LIMIT 1",
            {"run_id": run_id},
        ).fetchone()
        return None if row is None else row["error"]

    def durations(self, run_id: UUID) -> dict[str, float]:
        """Return for each step the seconds from its first beginning to its last end, without what did not end."""
        rows = self._connection.execute(
            """
            SELECT step, EXTRACT(EPOCH FROM max(ended_at) - min(started_at))::DOUBLE PRECISION AS seconds
            FROM run_steps WHERE run_id = %(run_id)s AND ended_at IS NOT NULL
            GROUP BY step ORDER BY min(started_at)
            """,
            {"run_id": run_id},
        ).fetchall()
        return {row["step"]: row["seconds"] for row in rows}

    def beat(self, name: str) -> None:
        """Note that a part did its work now."""
        self._connection.execute(
            """
            INSERT INTO heartbeats (name) VALUES (%(name)s)
            ON CONFLICT (name) DO UPDATE SET at = clock_timestamp()
            """,
            {"name": name},
        )

    def last_beat(self, name: str) -> datetime | None:
        row = self._connection.execute("SELECT at FROM heartbeats WHERE name = %(name)s", {"name": name}).fetchone()
        return None if row is None else row["at"]
