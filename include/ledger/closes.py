"""Adjusted closes and volumes that were asked for before, by source and session: what is missing is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from psycopg import Connection
from psycopg.types.json import Jsonb

# Any number that nothing else locks in this database.
_LOCK: Final = 7_302_118_407

# Of a session the closes by symbol, as text; None: the source has none.
ClosesOfSession = Mapping[str, str | None]


class Closes:
    """Queries on `adjusted_closes`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def of(self, source: str, sessions: Sequence[date]) -> dict[date, dict[str, str | None]]:
        rows = self._connection.execute(
            """
            SELECT session_date, closes FROM adjusted_closes
            WHERE source = %(source)s AND session_date = ANY(%(sessions)s)
            """,
            {"source": source, "sessions": list(sessions)},
        ).fetchall()
        return {row["session_date"]: row["closes"] for row in rows}

    def may_write(self) -> bool:
        """Say whether this transaction may write; while another one does, nothing is kept, and no task waits."""
        row = self._connection.execute("SELECT pg_try_advisory_xact_lock(%(lock)s) AS got", {"lock": _LOCK}).fetchone()
        return bool(row and row["got"])

    def keep(self, source: str, closes: Mapping[date, ClosesOfSession]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO adjusted_closes (source, session_date, closes)
                VALUES (%(source)s, %(session)s, %(closes)s)
                ON CONFLICT (source, session_date)
                DO UPDATE SET closes = adjusted_closes.closes || excluded.closes, asked_at = clock_timestamp()
                """,
                [
                    {"source": source, "session": session, "closes": Jsonb(dict(of_session))}
                    for session, of_session in sorted(closes.items())
                ],
            )

    def forget(self, source: str, symbols: Collection[str], *, but: Sequence[date]) -> None:
        """Remove the symbols' closes of all other sessions: they are adjusted to something else."""
        self._connection.execute(
            """
            UPDATE adjusted_closes SET closes = closes - %(symbols)s::TEXT[]
            WHERE source = %(source)s AND NOT session_date = ANY(%(but)s) AND closes ?| %(symbols)s::TEXT[]
            """,
            {"source": source, "symbols": sorted(symbols), "but": list(but)},
        )

    def prune(self, before: date) -> int:
        """Remove the closes of sessions before a day; return how many sessions those are."""
        return self._connection.execute(
            "DELETE FROM adjusted_closes WHERE session_date < %(before)s", {"before": before}
        ).rowcount
