"""What the database role of tasks may do: read all, add rows, change rows that have a state. No more.

The owner of the tables migrates; tasks log in as another role, so that neither a fault nor a stolen password can drop
a table or rewrite what happened.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from include.ledger.migrations import VERSION_TABLE
from include.trading.errors import InvalidData

# Every table of the ledger is in one of these; a test compares them with the database.
ADDED_TO = frozenset({"account_events", "baselines", "fills", "order_attempts", "order_events", "positions"})
CHANGED = frozenset(
    {
        "accounts",
        "alert_channels",
        "alert_deliveries",
        "alerts",
        "breaks",
        "heartbeats",
        "order_intents",
        "orchestration_runs",
        "plans",
        "run_steps",
    }
)
# A replay's or a plan's rows are made anew when its task runs again; orders have no rows that are ever deleted.
REMADE = frozenset({"orchestration_runs", "signal_order_mappings"})
READ = frozenset({VERSION_TABLE})
UPDATED_ONLY = frozenset({"ledger_identity"})


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
            ("SELECT, UPDATE", UPDATED_ONLY),
            ("SELECT, INSERT, UPDATE", CHANGED | REMADE),
            ("DELETE", REMADE),
        ):
            statement_for_tables = sql.SQL("GRANT {privileges} ON {tables} TO {role}").format(
                privileges=sql.SQL(privileges),
                tables=sql.SQL(", ").join(sql.Identifier(table) for table in sorted(tables)),
                role=name,
            )
            connection.execute(statement_for_tables)


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
