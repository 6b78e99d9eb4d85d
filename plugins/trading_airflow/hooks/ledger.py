"""The ledger behind an Airflow connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowNotFoundException

from include.ledger.ledger import Ledger
from include.ledger.session import CLIENT_DEFAULTS
from include.trading.errors import InvalidData, Unavailable


class LedgerHook(PostgresHook):
    """Opens the ledger over a connection to its own database, which is never Airflow's."""

    default_conn_name = "trading_ledger"

    def __init__(self, postgres_conn_id: str = default_conn_name) -> None:
        super().__init__(postgres_conn_id=postgres_conn_id)
        self._connection_id = postgres_conn_id

    def _create_connection(self, conn_args: dict[str, Any]) -> psycopg.Connection[Any]:
        # The provider's also registers psycopg's JSON adapters, which every connection has: a millisecond for nothing.
        return psycopg.connect(**{**CLIENT_DEFAULTS, **conn_args})

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Open the ledger for one task, and close it.

        Raises InvalidData when the connection is missing or its database was never migrated, Unavailable when the
        database does not answer.
        """
        try:
            # Ours, from `_create_connection`; the provider's type also allows for its other drivers.
            connection = cast("psycopg.Connection[Any]", self.get_conn())
        except AirflowNotFoundException as error:
            raise InvalidData(
                f"connection {self._connection_id!r} does not exist: expected a postgres connection to the ledger's "
                f"own database; add it under Admin > Connections or set AIRFLOW_CONN_{self._connection_id.upper()}"
            ) from error
        except psycopg.OperationalError as error:
            raise Unavailable(
                f"the ledger's database did not answer ({str(error).strip()}); nothing is sent without it; check the "
                f"connection {self._connection_id!r}"
            ) from error
        try:
            yield Ledger(connection)
        finally:
            connection.close()
