"""Enforce in the database what is frozen, the state table of orders, and the times that rules judge by."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # By the driver's own cursor and without parameters: SQLAlchemy always gives some, and then every % is one.
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text())


def downgrade() -> None:
    raise NotImplementedError("the ledger is never migrated down: restore a backup instead")
