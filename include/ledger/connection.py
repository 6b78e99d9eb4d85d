"""Where the ledger is: the postgresql:// URL of an Airflow connection, from its parts or from the environment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from psycopg.pq import Conninfo

from include.trading.errors import InvalidData

CONNECTION_ID = "trading_ledger"
VARIABLE = f"AIRFLOW_CONN_{CONNECTION_ID.upper()}"
_TYPES = ("postgres", "postgresql")


def url_from_environment(environ: Mapping[str, str]) -> str:
    """Return the URL that AIRFLOW_CONN_TRADING_LEDGER gives, in Airflow's JSON or URI form.

    Raises InvalidData saying what was expected; never a word of the value, which holds a password.
    """
    text = environ.get(VARIABLE, "").strip()
    if not text:
        raise InvalidData(
            f"connection {CONNECTION_ID!r} is missing: set {VARIABLE}, for example "
            f"{VARIABLE}=postgresql://trading:…@localhost:5432/trading"
        )
    try:
        parts = _parts_of_json(text) if text.startswith("{") else _parts_of_uri(text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidData(
            f"{VARIABLE}: expected JSON with conn_type, host, port, login, password and schema, or a postgresql:// "
            f"URI; got text that does not fit ({type(error).__name__})"
        ) from None
    return url_from_parts(**parts)


def url_from_parts(
    *,
    conn_type: str | None,
    host: str | None,
    port: int | None,
    login: str | None,
    password: str | None,
    schema: str | None,
    extra: Mapping[str, Any],
) -> str:
    """Return the URL of an Airflow connection's fields; `schema` is the database, `extra` holds libpq's options."""
    where = f"connection {CONNECTION_ID!r}"
    if conn_type not in _TYPES:
        raise InvalidData(f"{where}: expected the type postgres, got {conn_type!r}")
    if not schema:
        raise InvalidData(f"{where}: expected the name of the database as its schema (the URI's path), got none")
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    unknown = sorted(set(extra) - known)
    if unknown:
        raise InvalidData(f"{where}: PostgreSQL's client has no option {', '.join(unknown)}; remove it from the extra")
    options = {key: str(value) for key, value in extra.items()}
    host = host or ""
    if host.startswith("/"):  # the folder of a socket has no place before the slash of a URL
        options["host"], host = host, ""
    user = quote(login or "", safe="") + (f":{quote(password, safe='')}" if password else "")
    place = (f"{user}@" if user else "") + host + (f":{port}" if port else "")
    # libpq takes a plus for a plus.
    query = f"?{urlencode(options, quote_via=quote)}" if options else ""
    return f"postgresql://{place}/{quote(schema, safe='')}{query}"


def _parts_of_json(text: str) -> dict[str, Any]:
    found = json.loads(text)
    parts = {key: found.get(key) for key in ("conn_type", "host", "login", "password", "schema")}
    return {**parts, "port": int(found["port"]) if found.get("port") else None, "extra": _extra(found.get("extra"))}


def _parts_of_uri(text: str) -> dict[str, Any]:
    parts = urlsplit(text)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "conn_type": parts.scheme,
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "login": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "schema": unquote(parts.path.lstrip("/")),
        "extra": _extra(query["__extra__"]) if "__extra__" in query else query,
    }


def _extra(value: object) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) and value else value
    if not found:
        return {}
    if not isinstance(found, dict):
        raise TypeError("extra is not an object")
    return found
