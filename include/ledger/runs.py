"""Runs and what became of every symbol in them: the ADR's two tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.models import Mode
from include.trading.run.row import Run

# Not every column: the services' answers grow with the orders, and each order's task reads its run.
SELECT = f"SELECT {', '.join(field.name for field in fields(Run))} FROM orchestration_runs AS runs"  # noqa: S608  names


class Runs:
    """Queries on `orchestration_runs` and `signal_order_mappings`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def open(self, **columns: Any) -> None:
        """Write the run's row; a row that is there stays as it is: what it froze at first holds."""
        self._connection.execute(
            """
            INSERT INTO orchestration_runs (
                run_id, strategy_id, as_of_date, status, symbols, capital, started_at, dag_id, airflow_run_id,
                run_type, scheduled_at, account, mode, mode_reason, session_date, revision, parameters, code_version,
                window_opens, send_until, cutoff_at
            )
            VALUES (
                %(run_id)s, %(strategy_id)s, %(as_of_date)s, 'running', %(symbols)s, %(capital)s, %(started_at)s,
                %(dag_id)s, %(airflow_run_id)s, %(run_type)s, %(scheduled_at)s, %(account)s, %(mode)s,
                %(mode_reason)s, %(session_date)s, %(revision)s, %(parameters)s, %(code_version)s,
                %(window_opens)s, %(send_until)s, %(cutoff_at)s
            )
            ON CONFLICT (run_id) DO NOTHING
            """,
            {**columns, "parameters": Jsonb(columns["parameters"])},
        )

    def remove_replay(self, run_id: UUID) -> None:
        """Remove a replay's row with what it decided; a run of any other mode stays."""
        self._connection.execute(
            """
            WITH replay AS (
                SELECT run_id FROM orchestration_runs WHERE run_id = %(run_id)s AND mode = 'replay'
            ), decided AS (
                DELETE FROM signal_order_mappings WHERE run_id IN (SELECT run_id FROM replay)
            )
            DELETE FROM orchestration_runs WHERE run_id IN (SELECT run_id FROM replay)
            """,
            {"run_id": run_id},
        )

    def get(self, run_id: UUID) -> Run | None:
        return self._one("WHERE run_id = %(run_id)s", {"run_id": run_id})

    def origin(self, run_id: UUID) -> dict[str, Any] | None:
        """Return where the run's signals came from; None for one that has none, or that an earlier version made."""
        return self._origin("SELECT signal_origin FROM orchestration_runs WHERE run_id = %(id)s", run_id)

    def origin_of_plan(self, plan_id: UUID) -> dict[str, Any] | None:
        """Return where the signals came from that the plan was made from."""
        return self._origin(
            """
            SELECT signal_origin FROM orchestration_runs JOIN plans ON created_by_run = run_id
            WHERE plans.plan_id = %(id)s
            """,
            plan_id,
        )

    def in_hindsight(self, run_ids: Sequence[UUID]) -> int:
        """Return how many of the runs replayed signals of which nothing says that they were known on the day."""
        row = self._connection.execute(
            """
            SELECT count(*) AS found FROM orchestration_runs
            WHERE run_id = ANY(%(run_ids)s) AND (signal_origin ->> 'hindsight')::BOOLEAN
            """,
            {"run_ids": list(run_ids)},
        ).fetchone()
        return 0 if row is None else int(row["found"])

    def _origin(self, query: str, id: UUID) -> dict[str, Any] | None:
        row = self._connection.execute(query, {"id": id}).fetchone()
        return None if row is None else row["signal_origin"]

    def answers(self, run_id: UUID) -> dict[str, Any]:
        """Return what came in a run: `signal_origin`, `signal_service_response` and `execution_gateway_responses`.

        Raises LookupError when there is no such run.
        """
        row = self._connection.execute(
            """
            SELECT signal_origin, signal_service_response, execution_gateway_responses FROM orchestration_runs
            WHERE run_id = %(run_id)s
            """,
            {"run_id": run_id},
        ).fetchone()
        if row is None:
            raise LookupError(f"no run {run_id} in the ledger")
        return dict(row)

    def of_plan(self, plan_id: UUID) -> list[Run]:
        """Return the run that made the plan and those that adopted it, oldest first."""
        return self._many("WHERE plan_id = %(plan_id)s ORDER BY id", {"plan_id": plan_id})

    def running(self) -> list[Run]:
        """Return the runs that are not closed yet, oldest first."""
        return self._many("WHERE status = 'running' ORDER BY id")

    def to_recount(self) -> list[Run]:
        """Return the closed runs that say something else of an order than the order does by now, oldest first.

        What a run said is in its answers, by order; an order that did not change for a month is not looked at again.
        """
        return self._many(
            """
            WHERE status <> 'running' AND EXISTS (
                SELECT FROM order_intents AS orders
                CROSS JOIN LATERAL (
                    SELECT runs.execution_gateway_responses -> orders.client_order_id AS answer
                ) AS said
                WHERE orders.plan_id = runs.plan_id AND orders.updated_at > clock_timestamp() - INTERVAL '31 days'
                  AND (
                    said.answer ->> 'state' <> orders.state
                    OR (said.answer ->> 'filled_quantity')::NUMERIC <> orders.filled_quantity
                    OR (said.answer ->> 'acknowledged')::BOOLEAN <> (orders.acknowledged_at IS NOT NULL)
                  )
            )
            ORDER BY id
            """
        )

    def is_newest(self, run: Run) -> bool:
        """Say whether the strategy has no later run of the mode."""
        later = self._connection.execute(
            """
            SELECT FROM orchestration_runs AS newer JOIN orchestration_runs AS this ON this.run_id = %(run_id)s
            WHERE newer.strategy_id = this.strategy_id AND newer.mode = this.mode AND newer.id > this.id
            LIMIT 1
            """,
            {"run_id": run.run_id},
        ).fetchone()
        return later is None

    def newest_closed(self, since: datetime) -> list[Run]:
        """Return the newest closed run since then of each strategy and mode; replays say nothing about the present."""
        return self._many(
            """
            WHERE id IN (
                SELECT DISTINCT ON (strategy_id, mode) id FROM orchestration_runs
                WHERE started_at >= %(since)s AND status <> 'running' AND mode <> 'replay'
                ORDER BY strategy_id, mode, started_at DESC
            )
            ORDER BY strategy_id, mode
            """,
            {"since": since},
        )

    def newest(self, dag_id: str, airflow_run_id: str) -> Run | None:
        """Return the newest row of a DAG run; a backfill that reprocessed it has one of its own."""
        return self._one(
            "WHERE dag_id = %(dag_id)s AND airflow_run_id = %(airflow_run_id)s ORDER BY started_at DESC LIMIT 1",
            {"dag_id": dag_id, "airflow_run_id": airflow_run_id},
        )

    def latest(self, limit: int) -> list[Run]:
        return self._many("ORDER BY started_at DESC, id DESC LIMIT %(limit)s", {"limit": limit})

    def reopen(self, run_id: UUID) -> None:
        """Set a run that is worked on again back to running; its frozen columns stay.

        Without a frozen plan it is to be mapped again: until then no earlier try's rows count as its result.
        """
        self._connection.execute(
            """
            UPDATE orchestration_runs
            SET status = 'running', completed_at = NULL, duration_seconds = NULL, error_message = NULL,
                summary = NULL, mapped_at = CASE WHEN plan_id IS NULL THEN NULL ELSE mapped_at END,
                updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s AND status <> 'running'
            """,
            {"run_id": run_id},
        )

    def record_signals(
        self,
        run_id: UUID,
        *,
        num_signals: int,
        model_version: str | None,
        response: Mapping[str, Any] | None,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        self._connection.execute(
            """
            UPDATE orchestration_runs
            SET num_signals = %(num_signals)s, model_version = %(model_version)s,
                signal_service_response = %(response)s, signal_origin = %(origin)s, updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s
            """,
            {
                "run_id": run_id,
                "num_signals": num_signals,
                "model_version": model_version,
                "response": None if response is None else Jsonb(dict(response)),
                "origin": None if origin is None else Jsonb(dict(origin)),
            },
        )

    def record_change(self, run_id: UUID, words: str) -> None:
        """Note on the row how the signals changed after their plan was frozen."""
        self._connection.execute(
            """
            UPDATE orchestration_runs
            SET signal_origin = COALESCE(signal_origin, '{}') || jsonb_build_object('changed', %(words)s::TEXT),
                updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s
            """,
            {"run_id": run_id, "words": words},
        )

    def record_error(self, run_id: UUID, message: str) -> None:
        """Keep the newest error on the row; a step that fails ends the run only when the run is closed."""
        self._connection.execute(
            """
            UPDATE orchestration_runs SET error_message = %(message)s, updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s
            """,
            {"run_id": run_id, "message": message[:4000]},
        )

    def record_mapped(self, run_id: UUID, *, plan_id: UUID | None, capital: Decimal | None, adopted: bool) -> None:
        """Note that every symbol was decided on, and by which plan (None: a run that never sends).

        capital: USD that was planned with; None keeps what the run was opened with.
        """
        self._connection.execute(
            """
            UPDATE orchestration_runs
            SET plan_id = %(plan_id)s, capital = COALESCE(%(capital)s, capital), adopted = %(adopted)s,
                mapped_at = COALESCE(mapped_at, clock_timestamp()),
                updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s
            """,
            {"run_id": run_id, "plan_id": plan_id, "capital": capital, "adopted": adopted},
        )

    def close(self, run_id: UUID, **columns: Any) -> None:
        """Write the outcome: status, counts, times, one line that sums it up, and the gateway's answers by order.

        responses: None leaves the answers as they are.
        """
        self._connection.execute(
            """
            UPDATE orchestration_runs
            SET status = %(status)s::TEXT, completed_at = %(completed_at)s::TIMESTAMPTZ,
                duration_seconds = EXTRACT(EPOCH FROM %(completed_at)s::TIMESTAMPTZ - started_at),
                num_orders_planned = %(planned)s, num_orders_submitted = %(submitted)s,
                num_orders_accepted = %(accepted)s, num_orders_rejected = %(rejected)s,
                num_orders_filled = %(filled)s, num_orders_denied = %(denied)s,
                num_orders_not_sent = %(not_sent)s, num_orders_unknown = %(unknown)s,
                last_acknowledged_at = %(last_acknowledged_at)s,
                execution_gateway_responses = COALESCE(%(responses)s, execution_gateway_responses),
                error_message = CASE WHEN %(status)s::TEXT = 'completed' THEN NULL
                                     ELSE COALESCE(%(error_message)s, error_message) END,
                summary = %(summary)s, updated_at = clock_timestamp()
            WHERE run_id = %(run_id)s
            """,
            {
                **columns,
                "run_id": run_id,
                "responses": None if columns["responses"] is None else Jsonb(columns["responses"]),
            },
        )

    def replace_mappings(self, run_id: UUID, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store what was decided about every symbol, one row per symbol and leg, instead of an earlier try's."""
        self._connection.execute("DELETE FROM signal_order_mappings WHERE run_id = %(run_id)s", {"run_id": run_id})
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO signal_order_mappings (
                    run_id, symbol, leg, predicted_return, rank, target_weight, client_order_id, order_qty, order_side,
                    target_quantity, held_quantity, open_quantity, delta_quantity, price, price_source, price_at,
                    price_age_seconds, outcome, skip_reason, detail, rules, reduces, signal_weight, bound
                )
                VALUES (
                    %(run_id)s, %(symbol)s, %(leg)s, %(predicted_return)s, %(rank)s, %(target_weight)s,
                    %(client_order_id)s, %(order_qty)s, %(order_side)s, %(target_quantity)s, %(held_quantity)s,
                    %(open_quantity)s, %(delta_quantity)s, %(price)s, %(price_source)s, %(price_at)s,
                    %(price_age_seconds)s, %(outcome)s, %(skip_reason)s, %(detail)s, %(rules)s, %(reduces)s,
                    %(signal_weight)s, %(bound)s
                )
                """,
                [{**row, "run_id": run_id, "rules": Jsonb(row["rules"])} for row in rows],
            )

    def copy_mappings(self, from_run: UUID, to_run: UUID) -> None:
        """Give a run that adopted a plan the rows of the run that made it."""
        self._connection.execute(
            """
            INSERT INTO signal_order_mappings (
                run_id, symbol, leg, predicted_return, rank, target_weight, client_order_id, order_qty, order_side,
                target_quantity, held_quantity, open_quantity, delta_quantity, price, price_source, price_at,
                price_age_seconds, outcome, skip_reason, detail, rules, reduces, signal_weight, bound
            )
            SELECT %(to_run)s, symbol, leg, predicted_return, rank, target_weight, client_order_id, order_qty,
                   order_side, target_quantity, held_quantity, open_quantity, delta_quantity, price, price_source,
                   price_at, price_age_seconds, outcome, skip_reason, detail, rules, reduces, signal_weight, bound
            FROM signal_order_mappings WHERE run_id = %(from_run)s
            ON CONFLICT (run_id, symbol, leg) DO NOTHING
            """,
            {"from_run": from_run, "to_run": to_run},
        )

    def update_mappings(self, plan_id: UUID) -> None:
        """Bring what the orders of a plan have become into the rows of every run that reports this plan."""
        self._connection.execute(
            """
            UPDATE signal_order_mappings AS mappings
            SET broker_order_id = intents.broker_order_id, order_status = intents.state,
                filled_qty = intents.filled_quantity, filled_avg_price = intents.filled_avg_price,
                order_error = COALESCE(intents.reason, intents.message), updated_at = clock_timestamp()
            FROM order_intents AS intents
            WHERE intents.plan_id = %(plan_id)s AND mappings.client_order_id = intents.client_order_id
            """,
            {"plan_id": plan_id},
        )

    def mappings(self, run_id: UUID) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM signal_order_mappings WHERE run_id = %(run_id)s ORDER BY rank NULLS LAST, symbol, leg",
            {"run_id": run_id},
        ).fetchall()

    def mappings_of(self, run_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
        """Return the rows of several runs, by run."""
        rows = self._connection.execute(
            "SELECT * FROM signal_order_mappings WHERE run_id = ANY(%(run_ids)s) ORDER BY run_id, symbol, leg",
            {"run_ids": list(run_ids)},
        ).fetchall()
        return {run_id: list(group) for run_id, group in groupby(rows, key=lambda row: row["run_id"])}

    def replays(self, first: date, last: date) -> list[Run]:
        """Return the replays of the sessions from first to last, both included, whether or not they planned."""
        return self._many(
            "WHERE mode = 'replay' AND session_date BETWEEN %(first)s AND %(last)s ORDER BY session_date, id",
            {"first": first, "last": last},
        )

    def has_run(self, strategy_id: str, session: date, modes: Sequence[Mode]) -> bool:
        """Say whether the session has a run of the strategy in one of these modes."""
        row = self._connection.execute(
            """
            SELECT FROM orchestration_runs
            WHERE strategy_id = %(strategy_id)s AND session_date = %(session)s AND mode = ANY(%(modes)s)
            LIMIT 1
            """,
            {"strategy_id": strategy_id, "session": session, "modes": list(modes)},
        ).fetchone()
        return row is not None

    def ran_before(self, strategy_id: str, session: date) -> bool:
        """Say whether an earlier session has a run of the strategy that was no replay."""
        row = self._connection.execute(
            """
            SELECT FROM orchestration_runs
            WHERE strategy_id = %(strategy_id)s AND session_date < %(session)s AND mode <> 'replay'
            LIMIT 1
            """,
            {"strategy_id": strategy_id, "session": session},
        ).fetchone()
        return row is not None

    def _one(self, which: str, parameters: Mapping[str, Any]) -> Run | None:
        with self._connection.cursor(row_factory=class_row(Run)) as cursor:
            return cursor.execute(f"{SELECT} {which}", parameters).fetchone()

    def _many(self, which: str, parameters: Mapping[str, Any] | None = None) -> list[Run]:
        with self._connection.cursor(row_factory=class_row(Run)) as cursor:
            return cursor.execute(f"{SELECT} {which}", parameters).fetchall()
