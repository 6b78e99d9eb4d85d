"""What plans were made from, packed, and what the strategies' shadows would have held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.types.json import Jsonb

from include.trading.plan.packed import Packed


class PlanInputsKept:
    """Queries on `plan_inputs` and `shadow_sizings`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def keep(self, run_id: UUID, packed: Packed) -> None:
        """Store what a run's plan was made from; an earlier try's is replaced, that of a frozen plan never."""
        self._connection.execute(
            """
            INSERT INTO plan_inputs (run_id, sha256, packed) VALUES (%(run_id)s, %(sha256)s, %(packed)s)
            ON CONFLICT (run_id) DO UPDATE
            SET sha256 = excluded.sha256, packed = excluded.packed, kept_at = clock_timestamp()
            """,
            {"run_id": run_id, "sha256": packed.sha256, "packed": packed.content},
        )

    def of(self, run_id: UUID) -> Packed | None:
        row = self._connection.execute(
            "SELECT sha256, packed FROM plan_inputs WHERE run_id = %(run_id)s", {"run_id": run_id}
        ).fetchone()
        return None if row is None else Packed(sha256=row["sha256"], content=bytes(row["packed"]))

    def replace_shadows(self, run_id: UUID, shadows: Sequence[Mapping[str, Any]]) -> None:
        self._connection.execute("DELETE FROM shadow_sizings WHERE run_id = %(run_id)s", {"run_id": run_id})
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO shadow_sizings (run_id, model, targets, refused)
                VALUES (%(run_id)s, %(model)s, %(targets)s, %(refused)s)
                """,
                [{**row, "run_id": run_id, "targets": Jsonb(row["targets"])} for row in shadows],
            )

    def shadows(self, run_ids: Sequence[UUID]) -> list[dict[str, Any]]:
        """Return what the shadows of these runs would have held, by run and model."""
        return self._connection.execute(
            """
            SELECT run_id, model, targets, refused FROM shadow_sizings
            WHERE run_id = ANY(%(run_ids)s) ORDER BY run_id, model
            """,
            {"run_ids": list(run_ids)},
        ).fetchall()

    def prune(self, before: date) -> int:
        """Remove what plans of sessions before a day were made from; plans, orders and events stay. Return how many."""
        return self._connection.execute(
            """
            DELETE FROM plan_inputs USING orchestration_runs AS runs
            WHERE runs.run_id = plan_inputs.run_id AND runs.session_date < %(before)s AND runs.status <> 'running'
            """,
            {"before": before},
        ).rowcount
