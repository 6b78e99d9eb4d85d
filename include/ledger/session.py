"""How the ledger's connections are made: bounded in every wait, and with errors that say what it means.

A worker that hangs in the middle of a transaction holds the account's lock. Its session ends by itself, sooner than
those who wait for the lock give up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.errors import IdleInTransactionSessionTimeout, LockNotAvailable, QueryCanceled

from include.trading.errors import LedgerUnavailable

# libpq's options; one that the connection gives itself stays.
CLIENT_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# The server's, where the connection's options, the role or the database leave them off. Not the start-up packet's: a
# pooler would refuse it.
TIMEOUTS = {"lock_timeout": "10s", "statement_timeout": "30s", "idle_in_transaction_session_timeout": "5s"}
SET_TIMEOUTS = ", ".join(
    f"set_config('{name}', COALESCE(NULLIF(current_setting('{name}'), '0'), '{value}'), FALSE)"
    for name, value in TIMEOUTS.items()
)
# For who stops trading: behind several hung workers, too.
PATIENCE = "SELECT set_config('lock_timeout', '60s', TRUE), set_config('statement_timeout', '60s', TRUE)"


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """Connect to a postgresql:// URL; what it or `options` say goes before the defaults."""
    return psycopg.connect(**{**CLIENT_DEFAULTS, **conninfo_to_dict(url), **options})


class LedgerCursor(psycopg.Cursor[Any]):
    """Raises LedgerUnavailable, in a sentence, for a statement that waited too long or lost its database."""

    def execute(self, *arguments: Any, **options: Any) -> Self:
        with told():
            return super().execute(*arguments, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], *, returning: bool = False) -> None:
        with told():
            super().executemany(query, params_seq, returning=returning)


@contextmanager
def told() -> Iterator[None]:
    """Turn the database's errors that say nothing of the data into LedgerUnavailable."""
    try:
        yield
    except LockNotAvailable as error:
        raise LedgerUnavailable(
            "the ledger: another worker held a row longer than lock_timeout; nothing was changed, try again"
        ) from error
    except QueryCanceled as error:
        raise LedgerUnavailable(
            "the ledger: a statement took longer than statement_timeout; nothing was changed, try again"
        ) from error
    except (psycopg.OperationalError, IdleInTransactionSessionTimeout) as error:
        words = " ".join(str(error).split())
        raise LedgerUnavailable(
            f"the ledger's database broke off the connection ({words}); what was not committed is undone, try again"
        ) from error
