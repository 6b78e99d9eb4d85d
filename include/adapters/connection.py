"""The fields of an Airflow connection, held by Airflow or by the environment: what every adapter is opened from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from include.trading.errors import InvalidData, NotFound

CONNECTION_KEYS = {"conn_type", "description", "host", "port", "schema", "login", "password", "extra"}


@dataclass(frozen=True)
class ConnectionParts:
    """A connection's fields as they were given; what they mean is each adapter's to check."""

    connection_id: str
    conn_type: str | None = None
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, connection_id: str, environ: Mapping[str, str]) -> Self:
        """Return the connection that AIRFLOW_CONN_<ID> describes, in Airflow's JSON or URI form."""
        variable = f"AIRFLOW_CONN_{connection_id.upper()}"
        text = environ.get(variable, "").strip()
        if not text:
            raise NotFound(
                f"connection {connection_id!r} is missing: set {variable}, for example "
                f'{variable}=\'{{"conn_type": "http", "host": "http://localhost", "port": 8001, '
                '"extra": {"contract": "v2"}}\''
            )
        parts = _parts_of_json(variable, text) if text.startswith("{") else _parts_of_uri(variable, text)
        return cls(connection_id, **parts)


def _parts_of_json(variable: str, text: str) -> dict[str, Any]:
    wanted = f"{variable}: expected a JSON object with keys among {', '.join(sorted(CONNECTION_KEYS))}"
    try:
        found = json.loads(text)
        unknown = set(found) - CONNECTION_KEYS
        extra = _extra(found.get("extra"))
        port = int(found["port"]) if found.get("port") else None
    # The text holds secrets: only the kind of the error is shown, and the chain is cut.
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidData(f"{wanted}, got text that does not fit ({type(error).__name__})") from None
    if unknown:
        raise InvalidData(f"{wanted}, got also {', '.join(sorted(unknown))}")
    parts = {key: found.get(key) for key in ("conn_type", "host", "schema", "login", "password")}
    return {**parts, "port": port, "extra": extra}


def _parts_of_uri(variable: str, text: str) -> dict[str, Any]:
    """Read Airflow's URI form; `http://https://host` is a connection of type http to an https host."""
    conn_type, _, rest = text.partition("://")
    try:
        parts = urlsplit(rest if "://" in rest.split("?")[0] else f"//{rest}")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        extra = _extra(query["__extra__"]) if "__extra__" in query else query
        host, port = unquote(parts.hostname or ""), parts.port
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidData(
            f"{variable}: expected JSON, or a URI like http://localhost:8001/?contract=v2, "
            f"got text that does not fit ({type(error).__name__})"
        ) from None
    return {
        "conn_type": conn_type,
        "host": f"{parts.scheme}://{host}" if parts.scheme else host,
        "port": port,
        "schema": unquote(parts.path[1:]) or None,
        "login": unquote(parts.username or "") or None,
        "password": unquote(parts.password or "") or None,
        "extra": extra,
    }


def extra_of(connection_id: str, text: str | None) -> dict[str, Any]:
    """Return the extra of an Airflow connection; raise InvalidData, without a word of it, when it is no JSON object."""
    try:
        return _extra(text)
    except (ValueError, RecursionError) as error:
        raise InvalidData(
            f"connection {connection_id!r}: expected a JSON object as its extra, got text that does not fit "
            f"({type(error).__name__})"
        ) from None


def _extra(value: object) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) and value else value
    if not found:
        return {}
    if not isinstance(found, dict):
        raise ValueError("extra is not an object")
    return found
