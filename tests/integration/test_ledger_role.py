"""The database role of tasks: it can trade a whole session, and cannot touch what happened."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from include.ledger import grants
from include.ledger.grants import grant
from include.sandbox.runner import start_sandbox
from include.trading.errors import InvalidData
from tests.support.engine import Engine, sandbox_strategy

PASSWORD = "only-for-this-test"


@pytest.fixture
def role(ledger_url: str) -> Iterator[str]:
    """The name of a role that may log in and nothing else."""
    name = f"tasks_{uuid4().hex[:12]}"
    with psycopg.connect(ledger_url, autocommit=True) as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD)))
        yield name
        owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
        owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{parts.hostname}:{parts.port}"))


def test_a_session_is_traded_with_the_tasks_role(ledger_url: str, role: str) -> None:
    grant(ledger_url, role)

    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(as_role(ledger_url, role), sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        run = engine.run("first", sandbox_strategy())

        assert run.status == "completed"
        assert len(sandbox.admin.book()["orders"]) == run.num_orders_filled == 4


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM order_events",
        "UPDATE order_events SET actor = 'somebody else'",
        "UPDATE fills SET quantity = 1",
        "DELETE FROM order_intents",
        "DELETE FROM plans",
        "TRUNCATE order_events",
        "DROP TABLE order_events",
        "ALTER TABLE order_intents ADD COLUMN note TEXT",
        "ALTER TABLE order_events DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id INTEGER)",
        "UPDATE alembic_version_trading SET version_num = '0000'",
        "DELETE FROM ledger_identity",
    ],
)
def test_the_tasks_role_is_refused_what_tasks_never_do(ledger_url: str, role: str, statement: str) -> None:
    grant(ledger_url, role)

    with (
        psycopg.connect(as_role(ledger_url, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


def test_granting_again_takes_back_what_was_given_by_hand(ledger_url: str, role: str) -> None:
    grant(ledger_url, role)
    with psycopg.connect(ledger_url, autocommit=True) as owner:
        owner.execute(sql.SQL("GRANT DELETE ON order_events TO {}").format(sql.Identifier(role)))

    grant(ledger_url, role)

    with psycopg.connect(ledger_url) as owner:
        given = owner.execute("SELECT has_table_privilege(%s, 'order_events', 'DELETE')", [role]).fetchone()
    assert given == (False,)


def test_every_table_of_the_ledger_has_its_privileges_decided(ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as owner:
        tables = {row[0] for row in owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    assert tables == grants.READ | grants.ADDED_TO | grants.CHANGED | grants.REMADE | grants.UPDATED_ONLY


def test_refuses_a_role_that_does_not_exist(ledger_url: str) -> None:
    with pytest.raises(InvalidData, match="CREATE ROLE it first"):
        grant(ledger_url, "nobody_of_that_name")


def test_refuses_a_role_that_nothing_can_be_taken_from(ledger_url: str) -> None:
    with pytest.raises(InvalidData, match="nothing can be taken from it"):
        grant(ledger_url, urlsplit(ledger_url).username or "")
