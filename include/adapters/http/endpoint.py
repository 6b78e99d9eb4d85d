"""Where a service is and how to speak to it: one checked value made from an Airflow connection.

The same parts come from Airflow's own connection (the hooks) or from AIRFLOW_CONN_<ID> in the environment (commands
that need no running Airflow), and give the same endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, Self, cast, get_args
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from include.trading.account.venue_identity import normal_address
from include.trading.errors import InvalidData, NotFound
from include.trading.models import Contract, Value

ServiceName = Literal["signal_service", "execution_gateway", "market_data"]

SHORTEST_SECRET = 64
LONGEST_NAME = 100
TIMEOUT_KEYS = ("connect_timeout_seconds", "read_timeout_seconds", "total_timeout_seconds", "verify")
EXTRA_KEYS: dict[str, tuple[str, ...]] = {
    "signal_service": ("contract", "service_id", *TIMEOUT_KEYS),
    "execution_gateway": ("contract", "account", "service_id", "broker_timezone", *TIMEOUT_KEYS),
    "market_data": ("feed", *TIMEOUT_KEYS),
}
CONNECTION_KEYS = {"conn_type", "description", "host", "port", "schema", "login", "password", "extra"}
SECRET_FIELDS = {"secret", "api_key", "api_secret"}


class Endpoint(Value):
    """A service's address, contract, credentials and time-outs. Secrets show in no message and no repr."""

    model_config = ConfigDict(hide_input_in_errors=True)

    connection_id: str
    service: ServiceName
    base_url: str
    contract: Contract | None = Field(default=None, description="never guessed: the connection says it")
    account: str | None = Field(default=None, description="gateway: the unit of positions, halts and pacing")
    service_id: str = Field(default="orchestrator", min_length=1)
    secret: SecretStr | None = Field(default=None, description="signs requests between the services")
    api_key: SecretStr | None = None
    api_secret: SecretStr | None = None
    connect_timeout_seconds: float = Field(default=3, gt=0)
    read_timeout_seconds: float = Field(default=10, gt=0)
    total_timeout_seconds: float = Field(default=12, gt=0, description="the whole exchange, body included")
    broker_timezone: str = Field(default="America/New_York", description="v1 makes order ids from this zone's date")
    feed: str = Field(default="iex", min_length=1)
    verify: bool | str = Field(default=True, description="check TLS certificates; or the path of a CA file")

    @field_validator("verify", mode="before")
    @classmethod
    def _words_are_bools(cls, value: object) -> object:
        # In the URI form of a connection everything is text.
        words = {"true": True, "false": False}
        return words.get(value.strip().lower(), value) if isinstance(value, str) else value

    @field_validator("account", mode="before")
    @classmethod
    def _name_without_blanks(cls, value: object) -> object:
        # A blank that nobody sees would make another account, with an empty book.
        return value.strip() if isinstance(value, str) else value

    @property
    def address(self) -> str:
        """The address in the form that addresses are compared in."""
        return normal_address(self.base_url)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        where = f"connection {self.connection_id!r}"
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise InvalidData(
                f"{where}: expected an address like http://localhost:8001 (host, port, and schema http or https), "
                f"got {self.base_url.rsplit('@', 1)[-1]!r}"
            )
        if self.service != "market_data" and self.contract is None:
            raise InvalidData(f"{where}: {_contract_wanted('nothing')}")
        if self.service == "execution_gateway" and not self.account:
            raise InvalidData(
                f"{where}: expected the name of the trading account in its extra, got nothing; "
                'set it, for example {"contract": "v2", "account": "main"}'
            )
        for name in ("account", "service_id", "feed"):
            value = getattr(self, name)
            if value is not None and (len(value) > LONGEST_NAME or not value.isprintable()):
                raise InvalidData(
                    f"{where}: expected as its {name} at most {LONGEST_NAME} printable characters, got {value[:150]!r}"
                )
        if self.secret is not None and len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise InvalidData(
                f"{where}: expected a signing secret of at least {SHORTEST_SECRET} characters as its password "
                f"(the services' INTERNAL_TOKEN_SECRET), got {len(self.secret.get_secret_value())} characters"
            )
        if (self.api_key is None) != (self.api_secret is None):
            raise InvalidData(f"{where}: expected the API key as login and its secret as password, got only one")
        try:
            ZoneInfo(self.broker_timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InvalidData(
                f"{where}: broker_timezone must be a time zone like America/New_York, got {self.broker_timezone!r}"
            ) from error
        return self

    @classmethod
    def from_parts(
        cls,
        connection_id: str,
        *,
        host: str | None,
        port: int | None,
        schema: str | None,
        login: str | None,
        password: str | None,
        extra: Mapping[str, Any],
        service: ServiceName | None = None,
        conn_type: str | None = None,
    ) -> Self:
        """Return the endpoint of an Airflow connection's fields.

        service: which service it is; by default the one the connection is named after.
        conn_type: "https" asks for TLS when the connection has no schema of its own.
        Raises InvalidData naming the connection, what was expected and how to set it; never a secret's value.
        """
        where = f"connection {connection_id!r}"
        name = service or connection_id
        if name not in EXTRA_KEYS:
            raise InvalidData(f"{where}: say which service it is for: {', '.join(get_args(ServiceName))}")
        unknown = sorted(set(extra) - set(EXTRA_KEYS[name]))
        if unknown:
            raise InvalidData(
                f"{where}: unknown keys in its extra: {', '.join(unknown)}; known are {', '.join(EXTRA_KEYS[name])}"
            )
        if extra.get("contract") not in (None, *get_args(Contract)):
            raise InvalidData(f"{where}: {_contract_wanted(repr(extra['contract']))}")
        values: dict[str, Any] = {key: value for key, value in extra.items() if value is not None}
        if name == "market_data":
            values |= {"api_key": login or None, "api_secret": password or None}
        elif login:
            raise InvalidData(f"{where}: login is not used; the id we sign with is service_id in its extra")
        else:
            values |= {"secret": password or None}
        try:
            return cls(
                connection_id=connection_id,
                service=cast("ServiceName", name),
                base_url=_base_url(where, host, port, schema, conn_type),
                **values,
            )
        except ValidationError as error:
            found = "; ".join(
                f"{problem['loc'][0]}: {problem['msg']}"
                + ("" if problem["loc"][0] in SECRET_FIELDS else f", got {problem['input']!r}")
                for problem in error.errors(include_url=False)
            )
            raise InvalidData(f"{where}: {found}") from None

    @classmethod
    def from_environment(
        cls, connection_id: str, environ: Mapping[str, str], service: ServiceName | None = None
    ) -> Self:
        """Return the endpoint that AIRFLOW_CONN_<ID> describes, in Airflow's JSON or URI form."""
        variable = f"AIRFLOW_CONN_{connection_id.upper()}"
        text = environ.get(variable, "").strip()
        if not text:
            raise NotFound(
                f"connection {connection_id!r} is missing: set {variable}, for example "
                f'{variable}=\'{{"conn_type": "http", "host": "http://localhost", "port": 8001, '
                '"extra": {"contract": "v2"}}\''
            )
        parts = _parts_of_json(variable, text) if text.startswith("{") else _parts_of_uri(variable, text)
        return cls.from_parts(connection_id, service=service, **parts)


def _contract_wanted(got: str) -> str:
    return (
        'expected "contract" in its extra to be "v1" or "v2", the version of the API that the service speaks, '
        f'got {got}; set it, for example {{"contract": "v2"}}'
    )


def _base_url(where: str, host: str | None, port: int | None, schema: str | None, conn_type: str | None) -> str:
    host = (host or "").strip().rstrip("/")
    if not host:
        raise InvalidData(f"{where}: expected a host, for example http://localhost, got none")
    if "://" not in host:
        if host.count(":") > 1 and not host.startswith("["):
            host = f"[{host}]"
        host = f"{schema or ('https' if conn_type == 'https' else 'http')}://{host}"
    try:
        parts = urlsplit(host)
        own_port = parts.port
    except ValueError as error:
        raise InvalidData(f"{where}: expected a host and a port, got {host.rsplit('@', 1)[-1]!r}") from error
    if port is None or own_port == port:
        return host
    if own_port is not None:
        raise InvalidData(f"{where}: its host says port {own_port} and its port says {port}; keep one")
    return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()


def _parts_of_json(variable: str, text: str) -> dict[str, Any]:
    wanted = f"{variable}: expected a JSON object with keys among {', '.join(sorted(CONNECTION_KEYS))}"
    try:
        found = json.loads(text)
        unknown = set(found) - CONNECTION_KEYS
        extra = _extra(found.get("extra"))
        port = int(found["port"]) if found.get("port") else None
    # The text holds secrets: only the kind of the error is told, and the chain is cut.
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
