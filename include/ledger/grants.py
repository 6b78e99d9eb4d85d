"""What the database role of tasks may do: read all, add rows, change the columns that have a state. No more.

The owner of the tables migrates; tasks log in as another role, so that neither a fault nor a stolen password can drop
a table or rewrite what happened.
"""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from include.ledger.migrations import VERSION_TABLE
from include.trading.errors import InvalidData

# Every table of the ledger is in one of these; a test compares them with the database.
ADDED_TO = frozenset(
    {
        *("account_events", "baselines", "corrections", "fills", "movements", "order_attempts", "order_events"),
        "positions",
        *("account_days", "activities", "corporate_action_events", "corporate_actions", "day_books", "day_lines"),
        "flows",
    }
)
CHANGED = frozenset(
    {
        "accounts",
        "adjusted_closes",
        "alert_channels",
        "alert_deliveries",
        "alerts",
        "breaks",
        "heartbeats",
        "order_intents",
        "orchestration_runs",
        "plan_inputs",
        "plans",
        "run_steps",
    }
)
# A replay's or a plan's rows are made again when its task runs again; orders have no rows that are ever deleted.
REMADE = frozenset({"orchestration_runs", "shadow_sizings", "signal_order_mappings"})
READ = frozenset({VERSION_TABLE})
UPDATED_ONLY = frozenset({"ledger_identity"})
# Columns that are written once, with the row: what the row is about and what was decided, never what became of it.
WRITTEN_ONCE: Mapping[str, tuple[str, ...]] = {
    "adjusted_closes": ("source", "session_date"),
    "accounts": ("account",),
    "alerts": ("id", "kind", "dedupe_key", "strategy_id", "account", "session_date", "first_at"),
    "breaks": ("id", "account", "kind", "dedupe_key", "found_at"),
    "heartbeats": ("name",),
    "ledger_identity": ("one",),
    "order_intents": (
        *("id", "plan_id", "account", "strategy_id", "mode", "slot", "client_order_id", "symbol", "leg", "position"),
        *("side", "quantity", "price", "reduces"),
    ),
    "orchestration_runs": (
        *("id", "run_id", "strategy_id", "as_of_date", "symbols", "started_at", "created_at", "dag_id"),
        *("airflow_run_id", "run_type", "scheduled_at", "account", "mode", "session_date", "revision"),
        *("window_opens", "send_until", "cutoff_at", "parameters", "code_version"),
    ),
    "plan_inputs": ("run_id",),
    "plans": (
        *("plan_id", "mode", "account", "strategy_id", "session_date", "revision", "contract", "as_of_date"),
        *("parameters", "window_opens", "send_until", "cutoff_at", "orders_per_minute", "created_by_run", "frozen_at"),
        "gateway",
    ),
    "run_steps": ("id", "run_id", "step", "symbol", "try_number", "started_at"),
    "shadow_sizings": ("run_id", "model"),
    "signal_order_mappings": (
        *("id", "run_id", "symbol", "leg", "predicted_return", "rank", "target_weight", "client_order_id"),
        *("order_qty", "order_side", "created_at", "target_quantity", "held_quantity", "open_quantity"),
        *("signal_weight", "bound"),
        *("delta_quantity", "price", "price_source", "price_at", "price_age_seconds", "outcome", "skip_reason"),
        *("detail", "rules", "reduces"),
    ),
}


def grant(url: str, role: str) -> None:
    """Give `role` what tasks need in the ledger at `url`, and take everything else from it.

    url: of the tables' owner.  Raises InvalidData when there is no such role, or it is one that nothing can be
    taken from.
    """
    name = sql.Identifier(role)
    with psycopg.connect(url, connect_timeout=10) as connection:
        _check(connection, role)
        for statement in (
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
            "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
            "GRANT USAGE ON SCHEMA public TO {role}",
        ):
            connection.execute(sql.SQL(statement).format(role=name))
        for privileges, tables in (
            ("SELECT", READ),
            ("SELECT, INSERT", ADDED_TO),
            ("SELECT", UPDATED_ONLY),
            ("SELECT, INSERT", CHANGED | REMADE),
            ("DELETE", REMADE),
        ):
            statement_for_tables = sql.SQL("GRANT {privileges} ON {tables} TO {role}").format(
                privileges=sql.SQL(privileges),
                tables=sql.SQL(", ").join(sql.Identifier(table) for table in sorted(tables)),
                role=name,
            )
            connection.execute(statement_for_tables)
        for table in sorted(CHANGED | REMADE | UPDATED_ONLY):
            statement_for_columns = sql.SQL("GRANT UPDATE ({columns}) ON {table} TO {role}").format(
                columns=sql.SQL(", ").join(map(sql.Identifier, _columns_with_a_state(connection, table))),
                table=sql.Identifier(table),
                role=name,
            )
            connection.execute(statement_for_columns)


def _columns_with_a_state(connection: psycopg.Connection[tuple[object, ...]], table: str) -> list[str]:
    rows = connection.execute(
        """
        SELECT attname::TEXT FROM pg_attribute
        WHERE attrelid = %(table)s::TEXT::REGCLASS AND attnum > 0 AND NOT attisdropped AND attname <> ALL(%(once)s)
        ORDER BY attnum
        """,
        {"table": table, "once": list(WRITTEN_ONCE.get(table, ()))},
    ).fetchall()
    return [str(row[0]) for row in rows]


def _check(connection: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    found = connection.execute(
        """
        SELECT rolsuper, pg_has_role(rolname, current_user, 'MEMBER')
        FROM pg_roles
        WHERE rolname = %(role)s
        """,
        {"role": role},
    ).fetchone()
    if found is None:
        raise InvalidData(f"--grant: expected a role of the database, {role!r} does not exist: CREATE ROLE it first")
    if any(found):
        raise InvalidData(
            f"--grant: expected a role that neither is a superuser nor owns the ledger, {role!r} is: nothing can be "
            "taken from it"
        )
