"""A connection becomes an endpoint, or one clear sentence on what to set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from include.adapters.connection import extra_of
from include.adapters.http.endpoint import Endpoint
from include.trading.errors import InvalidData

SECRET = "s3cr3t-" * 10


def endpoint(connection_id: str = "execution_gateway", **changes: Any) -> Endpoint:
    parts: dict[str, Any] = {
        "host": "gateway.example",
        "port": 8002,
        "schema": "https",
        "login": None,
        "password": None,
        "extra": {"contract": "v2", "account": "main"},
    }
    return Endpoint.from_parts(connection_id, **{**parts, **changes})


def test_a_connection_gives_address_contract_account_and_secret() -> None:
    made = endpoint(password=SECRET, extra={"contract": "v1", "account": "main", "read_timeout_seconds": "4"})

    assert made.base_url == "https://gateway.example:8002"
    assert (made.contract, made.account, made.service_id) == ("v1", "main", "orchestrator")
    assert made.secret is not None and made.secret.get_secret_value() == SECRET
    assert made.read_timeout_seconds == 4


@pytest.mark.parametrize("name", ["main", " main", "main ", "\tmain\n"])
def test_blanks_around_an_accounts_name_make_no_other_account(name: str) -> None:
    assert endpoint(extra={"contract": "v2", "account": name}).account == "main"


@pytest.mark.parametrize(
    ("host", "same"),
    [
        ("https://T4.Example/base/", True),
        ("https://t4.example:443/base", True),
        ("https://t4.example./base", True),
        ("http://t4.example/base", False),
        ("https://t4.example:8443/base", False),
        ("https://t4.example/other", False),
        ("https://t5.example/base", False),
    ],
)
def test_addresses_are_compared_in_one_form(host: str, same: bool) -> None:
    here = endpoint(host="https://t4.example/base", port=None, schema=None).address

    assert (endpoint(host=host, port=None, schema=None).address == here) is same


def test_a_market_data_connection_carries_key_and_secret_and_needs_no_contract() -> None:
    made = endpoint("market_data", login="key-id", password="key-secret", extra={"feed": "sip"})

    assert made.api_key is not None and made.api_key.get_secret_value() == "key-id"
    assert made.api_secret is not None and made.api_secret.get_secret_value() == "key-secret"
    assert (made.feed, made.contract, made.secret) == ("sip", None, None)


@pytest.mark.parametrize(
    ("host", "port", "schema", "expected"),
    [
        ("localhost", 8001, None, "http://localhost:8001"),
        ("localhost:8001", None, None, "http://localhost:8001"),
        ("http://localhost", 8001, None, "http://localhost:8001"),
        ("https://t4.example/base/", None, None, "https://t4.example/base"),
        ("https://t4.example/base", 8443, None, "https://t4.example:8443/base"),
        ("https://t4.example:8443", 8443, None, "https://t4.example:8443"),
        ("::1", 8001, "https", "https://[::1]:8001"),
    ],
)
def test_host_port_and_schema_make_the_address_as_airflow_makes_it(
    host: str, port: int | None, schema: str | None, expected: str
) -> None:
    assert endpoint(host=host, port=port, schema=schema).base_url == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"extra": {"account": "main"}}, '"contract" in its extra to be "v1" or "v2".*got nothing'),
        ({"extra": {"account": "main", "contract": "v3"}}, '"contract" in its extra.*got .v3.*set it'),
        ({"extra": {"contract": "v2"}}, "name of the trading account.*got nothing"),
        ({"extra": {"contract": "v2", "account": " "}}, "name of the trading account"),
        ({"extra": {"contract": "v2", "account": "main", "acount": 1}}, "unknown keys in its extra: acount; known are"),
        ({"extra": {"contract": "v2", "account": "main", "feed": "iex"}}, "unknown keys in its extra: feed"),
        ({"extra": {"contract": "v2", "account": "main", "broker_timezone": "Mars"}}, "broker_timezone.*Mars"),
        (
            {"extra": {"contract": "v2", "account": "main", "read_timeout_seconds": "soon"}},
            "read_timeout_seconds.*soon",
        ),
        ({"extra": {"contract": "v2", "account": "main", "total_timeout_seconds": 0}}, "total_timeout_seconds.*got 0"),
        ({"extra": {"contract": "v2", "account": "a" * 101}}, "its account at most 100 printable characters"),
        ({"extra": {"contract": "v2", "account": "ma\x1bin"}}, "its account at most 100 printable characters"),
        ({"extra": {"contract": "v2", "account": "ma\x00in"}}, "its account at most 100 printable characters"),
        ({"extra": {"contract": "v2", "account": "m", "service_id": "a\r\nb"}}, "its service_id at most 100"),
        ({"host": None}, "expected a host"),
        ({"host": "ftp://gateway"}, "expected an address like"),
        ({"host": "http://gateway:1", "port": 2}, "host says port 1 and its port says 2"),
        ({"login": "orchestrator"}, "login is not used"),
    ],
)
def test_a_wrong_gateway_connection_is_refused_by_name(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidData, match=f"(?s)connection 'execution_gateway'.*{told}"):
        endpoint(**changes)


def test_half_an_api_key_is_refused() -> None:
    with pytest.raises(InvalidData, match="only one"):
        endpoint("market_data", login="key-id", extra={})


def test_a_connection_of_another_name_must_say_which_service_it_is_for() -> None:
    with pytest.raises(InvalidData, match="which service"):
        endpoint("gateway_b")

    assert endpoint("gateway_b", service="execution_gateway").connection_id == "gateway_b"


def test_no_secret_shows_in_a_repr_or_an_error() -> None:
    made = endpoint(password=SECRET)
    with pytest.raises(InvalidData, match=r"at least 64 characters.*got 5 characters") as short:
        endpoint(password="hush!")
    with pytest.raises(InvalidData) as wrong:
        endpoint(password=SECRET, extra={"contract": "v2", "account": "main", "verify": []})

    assert SECRET not in repr(made) + str(made) + str(wrong.value) + repr(wrong.value.__cause__)
    assert "hush!" not in str(short.value) + repr(short.value.__cause__)


JSON_FORM = json.dumps(
    {
        "conn_type": "http",
        "host": "https://gateway.example",
        "port": 8002,
        "password": SECRET,
        "extra": {"contract": "v2", "account": "main", "verify": False},
    }
)
EXTRA_AS_TEXT = json.dumps({**json.loads(JSON_FORM), "extra": json.dumps(json.loads(JSON_FORM)["extra"])})


@pytest.mark.parametrize(
    "text",
    [
        JSON_FORM,
        EXTRA_AS_TEXT,
        f"http://:{SECRET}@gateway.example:8002/https?contract=v2&account=main&verify=false",
        f"https://:{SECRET}@gateway.example:8002/?contract=v2&account=main&verify=false",
        f"http://https://:{SECRET}@gateway.example:8002?contract=v2&account=main&verify=false",
        f"http://:{SECRET}@gateway.example:8002/https?__extra__=%7B%22contract%22%3A%22v2%22%2C%22account%22%3A%22main%22%2C%22verify%22%3Afalse%7D",
    ],
)
def test_each_form_airflow_accepts_in_the_environment_gives_the_same_endpoint(text: str) -> None:
    made = Endpoint.from_environment("execution_gateway", {"AIRFLOW_CONN_EXECUTION_GATEWAY": text})

    assert made == endpoint(password=SECRET, extra={"contract": "v2", "account": "main", "verify": False})


def test_a_missing_connection_says_which_variable_to_set() -> None:
    with pytest.raises(InvalidData, match="'signal_service' is missing: set AIRFLOW_CONN_SIGNAL_SERVICE, for example"):
        Endpoint.from_environment("signal_service", {})


@pytest.mark.parametrize(
    "text",
    [
        '{"host": "h", "password": "hush!"',
        '{"host": "h", "password": "hush!", "passwort": "x"}',
        '{"host": "h", "password": "hush!", "extra": "[1]"}',
        '{"host": "h", "password": "hush!", "port": "http"}',
        "http://:hush!@host:port",
        '{"host": "h", "password": "hush!", "extra": ' + "[" * 100_000 + "}",
    ],
    ids=lambda text: text[:60],
)
def test_an_unreadable_connection_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidData, match="AIRFLOW_CONN_MARKET_DATA: expected") as refused:
        Endpoint.from_environment("market_data", {"AIRFLOW_CONN_MARKET_DATA": text})

    assert "hush" not in str(refused.value)


def test_the_extra_of_a_connection_is_read_and_one_that_is_no_object_is_refused_without_showing_it() -> None:
    assert extra_of("execution_gateway", '{"contract": "v2"}') == {"contract": "v2"}
    assert extra_of("execution_gateway", None) == {}
    for text in ('{"contract": "hush!"', '["hush!"]'):
        with pytest.raises(InvalidData, match="'execution_gateway': expected a JSON object as its extra") as refused:
            extra_of("execution_gateway", text)

        assert "hush" not in str(refused.value)
