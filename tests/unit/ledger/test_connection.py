"""Where the ledger is: from a connection's fields to a URL."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from include.ledger.connection import VARIABLE, url_from_environment
from include.trading.errors import InvalidData


def read(value: str | dict[str, Any]) -> dict[str, Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    return dict(conninfo_to_dict(url_from_environment({VARIABLE: text})))


@pytest.mark.parametrize(
    "value",
    [
        "postgres://us%40er:p%2Fss:@db:5433/trading?sslmode=require",
        "postgresql://us%40er:p%2Fss%3A@db:5433/trading?__extra__=%7B%22sslmode%22%3A+%22require%22%7D",
        {
            "conn_type": "postgres",
            "host": "db",
            "port": 5433,
            "login": "us@er",
            "password": "p/ss:",
            "schema": "trading",
            "extra": {"sslmode": "require"},
        },
        {
            "conn_type": "postgres",
            "host": "db",
            "port": "5433",
            "login": "us@er",
            "password": "p/ss:",
            "schema": "trading",
            "extra": '{"sslmode": "require"}',
        },
    ],
)
def test_every_form_of_a_connection_means_the_same(value: str | dict[str, Any]) -> None:
    assert read(value) == {
        "user": "us@er",
        "password": "p/ss:",
        "host": "db",
        "port": "5433",
        "dbname": "trading",
        "sslmode": "require",
    }


def test_options_of_several_words_reach_the_server_as_they_are() -> None:
    found = read({"conn_type": "postgres", "host": "db", "schema": "t", "extra": {"options": "-c lock_timeout=7s"}})

    assert found["options"] == "-c lock_timeout=7s"


def test_a_socket_folder_is_a_host() -> None:
    found = read({"conn_type": "postgres", "host": "/run/postgresql", "schema": "trading"})

    assert found == {"host": "/run/postgresql", "dbname": "trading"}


@pytest.mark.parametrize(
    "value", ["nothing", "{", "[]", "postgresql://host:port/db", '{"conn_type": "postgres", "extra": []}', "{}"]
)
def test_refuses_what_is_no_connection(value: str) -> None:
    with pytest.raises(InvalidData):
        url_from_environment({VARIABLE: value})
