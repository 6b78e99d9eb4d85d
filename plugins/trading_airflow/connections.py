"""Airflow's connections as the parts that adapters are opened from, and the assembly that opens them."""

from __future__ import annotations

import os

from include.adapters.connection import ConnectionParts, extra_of
from include.execution.assembly import Assembly
from include.execution.settings import settings_from
from include.trading.errors import InvalidData, NotFound
from trading_airflow.outside import OUTSIDE
from trading_airflow.version import code_version


def parts_of(connection_id: str) -> ConnectionParts:
    """Return the fields of an Airflow connection; raises NotFound, saying how to add it, when there is none."""
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = HttpHook(http_conn_id=connection_id).get_connection(connection_id)
    except AirflowNotFoundException as error:
        variable = f"AIRFLOW_CONN_{connection_id.upper()}"
        # Airflow hides why it could not read one; an unreadable connection is not the same as none.
        if os.environ.get(variable, "").strip():
            raise InvalidData(
                f"connection {connection_id!r}: expected {variable} to be a connection in Airflow's JSON or URI form, "
                "got text that is neither"
            ) from error
        raise NotFound(
            f"connection {connection_id!r} does not exist: expected an http connection; add it under "
            f"Admin > Connections or set {variable}"
        ) from error
    return ConnectionParts(
        connection_id,
        conn_type=connection.conn_type,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        login=connection.login,
        password=connection.password,
        # Not by extra_dejson, which registers every value as a secret: no key that an adapter knows is one.
        extra=extra_of(connection_id, connection.extra),
    )


def assembly() -> Assembly:
    """Return what opens this installation's services."""
    return Assembly(
        connections=parts_of, settings=settings_from(os.environ), code_version=code_version(), outside=OUTSIDE
    )
