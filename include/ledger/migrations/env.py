"""Alembic's entry point: runs on the connection that `migrate` opened and locked."""

from __future__ import annotations

from alembic import context

from include.ledger.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
