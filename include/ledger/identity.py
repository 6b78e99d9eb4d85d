"""A restored ledger starts halted: it may not know of orders that were sent after its backup was made.

The ledger keeps in which database it lives. Where that does not match any more, its data came from somewhere else or
from another time: every account stops until a person has compared the books and resumes it. An account made
later, which the backup did not know, starts halted too, until a person says that the ledger is whole again.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from include.ledger.accounts import RESTORED, Accounts
from include.trading.errors import InvalidData

CAUSE = RESTORED
_COMPARED = "SELECT identity, current_ledger_identity() AS here FROM ledger_identity"
_COMPARED_LOCKED = "SELECT identity, current_ledger_identity() AS here FROM ledger_identity FOR UPDATE"


def halt_if_restored(connection: Connection[Any], accounts: Accounts) -> None:
    """Halt every account when the ledger is not where it was; quick when it is (one statement)."""
    if _moved(connection, lock=False) is None:
        return
    with connection.transaction():
        moved = _moved(connection, lock=True)
        if moved is not None:
            reason = f"this ledger was restored or moved ({moved}): orders may be missing"
            _halt_all(connection, accounts, reason, "ledger")
            connection.execute(
                "UPDATE ledger_identity SET identity = current_ledger_identity(), recorded_at = clock_timestamp()"
            )


def halt_as_restored(connection: Connection[Any], accounts: Accounts, *, actor: str, reason: str) -> list[str]:
    """Halt every account because a person says that the ledger was restored; return the accounts.

    For what no database can notice itself: a snapshot of the whole volume, or rows brought back into the same tables.
    """
    with connection.transaction():
        return _halt_all(connection, accounts, f"this ledger was restored: {reason}", actor)


def restored(connection: Connection[Any]) -> str | None:
    """Return why the ledger counts as restored, None when it does not."""
    row = connection.execute("SELECT restored FROM ledger_identity").fetchone()
    return None if row is None else row["restored"]


def end_restored(connection: Connection[Any], accounts: Accounts, *, actor: str, reason: str) -> list[str]:
    """Let new accounts start active again, by a person's word; return the accounts that are halted still.

    Raises InvalidData when the ledger does not count as restored.
    """
    with connection.transaction():
        if restored(connection) is None:
            raise InvalidData("the ledger does not count as restored: there is nothing to end")
        connection.execute("UPDATE ledger_identity SET restored = NULL")
        for row in accounts.all():
            accounts.record_event(row, cause="restored_over", reason=reason, actor=actor)
        return [row.account for row in accounts.all() if row.state == "halted"]


def _moved(connection: Connection[Any], *, lock: bool) -> str | None:
    """Return how identity and place differ, None when they match."""
    row = connection.execute(_COMPARED_LOCKED if lock else _COMPARED).fetchone()
    if row is None:
        raise LookupError("the ledger's table ledger_identity has lost its row: restore a whole backup")
    return None if row["identity"] == row["here"] else f"from {row['identity']} to {row['here']}"


def _halt_all(connection: Connection[Any], accounts: Accounts, reason: str, actor: str) -> list[str]:
    connection.execute("UPDATE ledger_identity SET restored = %(reason)s", {"reason": reason})
    names = [row.account for row in accounts.all()]
    for name in names:
        row = accounts.lock(name)
        if row.state != "halted":
            accounts.set_state(row, "halted", cause=CAUSE, reason=reason, actor=actor)
    return names
