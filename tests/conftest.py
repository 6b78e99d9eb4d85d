"""Fixtures for all tests: a PostgreSQL server a session, a fresh migrated ledger a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import hypothesis
import pytest

TEST_DATABASE_URL = "TEST_DATABASE_URL"
_servers = ExitStack()

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


def pytest_configure(config: pytest.Config) -> None:
    """Under xdist start one server for all workers; they find it in their environment."""
    is_controller = bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
    if is_controller and TEST_DATABASE_URL not in os.environ:
        os.environ[TEST_DATABASE_URL] = _server()


def pytest_unconfigure() -> None:
    _servers.close()


def _server() -> str:
    # Imported here: the unit tests need neither PostgreSQL nor its driver.
    from tests.support.databases import temporary_server_url

    return _servers.enter_context(temporary_server_url())


@pytest.fixture(scope="session")
def postgres() -> str:
    """The URL of a server where databases can be made: TEST_DATABASE_URL (it needs CREATEDB), else one of our own."""
    return os.environ.get(TEST_DATABASE_URL) or _server()


@pytest.fixture(scope="session")
def ledger_template(postgres: str) -> Iterator[str]:
    """The name of a database with all migrations applied, to copy from."""
    from include.ledger.migrations import migrate
    from tests.support.databases import database_name, fresh_database

    with fresh_database(postgres) as url:
        migrate(url)
        yield database_name(url)


@pytest.fixture
def ledger_url(postgres: str, ledger_template: str) -> Iterator[str]:
    """The URL of an empty, migrated ledger of this test's own."""
    from tests.support.databases import fresh_database, settle_in

    with fresh_database(postgres, ledger_template) as url:
        settle_in(url)
        yield url


@pytest.fixture
def empty_database_url(postgres: str) -> Iterator[str]:
    """The URL of a database of this test's own, without any tables."""
    from tests.support.databases import fresh_database

    with fresh_database(postgres) as url:
        yield url
