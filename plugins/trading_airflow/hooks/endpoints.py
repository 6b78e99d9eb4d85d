"""An Airflow connection as the endpoint that a client needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from include.adapters.http.endpoint import Endpoint, ServiceName, extra_of
from include.trading.errors import NotFound

if TYPE_CHECKING:
    from airflow.providers.http.hooks.http import HttpHook


def endpoint_of(hook: HttpHook, service: ServiceName) -> Endpoint:
    """Return the endpoint of the hook's connection.

    Raises NotFound when there is none, InvalidData when it is wrong: each says what was expected and how to set it.
    """
    connection_id = hook.http_conn_id
    try:
        connection = hook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise NotFound(
            f"connection {connection_id!r} does not exist: expected an http connection to the {service}; add it under "
            f"Admin > Connections or set AIRFLOW_CONN_{connection_id.upper()}"
        ) from error
    return Endpoint.from_parts(
        connection_id,
        service=service,
        host=connection.host,
        port=connection.port,
        schema=connection.schema,
        login=connection.login,
        password=connection.password,
        # Not by extra_dejson, which tells the supervisor of each value anew: no key that an endpoint knows is a secret.
        extra=extra_of(connection_id, connection.extra),
        conn_type=connection.conn_type,
    )
