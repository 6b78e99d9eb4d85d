"""Where a service is and how to speak to it: one checked value made from an Airflow connection.

The same parts come from Airflow's own connection or from AIRFLOW_CONN_<ID> in the environment (commands that need no
running Airflow), and give the same endpoint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, Self, cast, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from include.adapters.connection import ConnectionParts
from include.trading.account.venue_identity import normal_address
from include.trading.errors import InvalidData
from include.trading.models import Contract, Value

ServiceName = Literal["signal_service", "execution_gateway", "market_data", "alpaca"]

SHORTEST_SECRET = 64
LONGEST_NAME = 100
TIMEOUT_KEYS = ("connect_timeout_seconds", "read_timeout_seconds", "total_timeout_seconds", "verify")
EXTRA_KEYS: dict[str, tuple[str, ...]] = {
    "signal_service": ("contract", "service_id", *TIMEOUT_KEYS),
    "execution_gateway": ("venue", "contract", "account", "service_id", "broker_timezone", *TIMEOUT_KEYS),
    "market_data": ("feed", *TIMEOUT_KEYS),
    "alpaca": ("venue", "account", "feed", *TIMEOUT_KEYS),
}
# Whose login and password are an API key and its secret.
KEYED = ("market_data", "alpaca")
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
        # An invisible blank would make another account, with an empty book.
        return value.strip() if isinstance(value, str) else value

    @property
    def address(self) -> str:
        """The address in the form that addresses are compared in."""
        return normal_address(self.base_url)

    @property
    def login(self) -> str:
        """What tells this address and login from others, without a secret."""
        key = "" if self.api_key is None else self.api_key.get_secret_value()
        return hashlib.sha256(f"{self.address}|{key}|{self.service_id}".encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        where = f"connection {self.connection_id!r}"
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
            raise InvalidData(
                f"{where}: expected an address like http://localhost:8001 (host, port, and schema http or https), "
                f"got {self.base_url.rsplit('@', 1)[-1]!r}"
            )
        if self.service not in KEYED and self.contract is None:
            raise InvalidData(f"{where}: {_contract_wanted('nothing')}")
        if self.service in ("execution_gateway", "alpaca") and not self.account:
            word = '"venue": "alpaca"' if self.service == "alpaca" else '"contract": "v2"'
            raise InvalidData(
                f"{where}: expected the name of the trading account in its extra, got nothing; "
                f'set it, for example {{{word}, "account": "main"}}'
            )
        if self.service == "alpaca" and (self.api_key is None or self.api_secret is None):
            raise InvalidData(
                f"{where}: expected Alpaca's API key id as its login and the key's secret as its password"
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
        values: dict[str, Any] = {key: value for key, value in extra.items() if value is not None and key != "venue"}
        if name in KEYED:
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
    def of(cls, parts: ConnectionParts, service: ServiceName | None = None) -> Self:
        """Return the endpoint of a connection; raises as `from_parts` does."""
        return cls.from_parts(
            parts.connection_id,
            service=service,
            host=parts.host,
            port=parts.port,
            schema=parts.schema,
            login=parts.login,
            password=parts.password,
            extra=parts.extra,
            conn_type=parts.conn_type,
        )

    @classmethod
    def from_environment(
        cls, connection_id: str, environ: Mapping[str, str], service: ServiceName | None = None
    ) -> Self:
        """Return the endpoint that AIRFLOW_CONN_<ID> describes, in Airflow's JSON or URI form."""
        return cls.of(ConnectionParts.from_environment(connection_id, environ), service)


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
