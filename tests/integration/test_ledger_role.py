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
from include.trading.order.states import STATES, TRANSITIONS
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
        "UPDATE order_intents SET client_order_id = 'x'",
        "UPDATE order_intents SET slot = 'x'",
        "UPDATE order_intents SET quantity = 1",
        "UPDATE order_intents SET strategy_id = 'x'",
        "UPDATE plans SET send_until = send_until + interval '1 day'",
        "UPDATE plans SET parameters = '{}'",
        "UPDATE orchestration_runs SET mode = 'replay'",
        "UPDATE signal_order_mappings SET order_qty = 1",
        "UPDATE movements SET quantity = 1",
        "UPDATE corrections SET reason = 'another'",
        "DELETE FROM movements",
        "DELETE FROM breaks",
        "DELETE FROM alerts",
    ],
)
def test_the_tasks_role_is_refused_what_tasks_never_do(ledger_url: str, role: str, statement: str) -> None:
    grant(ledger_url, role)

    with (
        psycopg.connect(as_role(ledger_url, role)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


@pytest.fixture
def traded(ledger_url: str, role: str) -> str:
    """The URL, as the tasks' role, of a ledger in which a session was traded."""
    grant(ledger_url, role)
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(as_role(ledger_url, role), sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        assert engine.run("first", sandbox_strategy(shadow=["equal_weight"])).status == "completed"
    return engine.ledger_url


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE plans SET state = 'open'", "is not opened again"),
        ("DELETE FROM signal_order_mappings", "is frozen"),
        ("DELETE FROM orchestration_runs", "only a replay is written anew"),
        ("UPDATE orchestration_runs SET plan_id = NULL", "and keeps it"),
        ("UPDATE orchestration_runs SET capital = 1", "its capital stays"),
        ("UPDATE plan_inputs SET packed = 'x'", "what it was made from stays"),
        ("UPDATE shadow_sizings SET targets = '[]'", "what equal_weight would have held stays"),
        ("DELETE FROM shadow_sizings", "what equal_weight would have held stays"),
        ("UPDATE plans SET closed_reason = 'x'", "and that stays"),
        ("UPDATE plans SET closed_at = '2000-01-01'", "and that stays"),
        ("UPDATE order_intents SET state = 'planned'", "is filled, and does not become planned"),
        ("UPDATE order_intents SET state = 'x'", "does not become x"),
        ("UPDATE order_intents SET filled_quantity = 0", r"filled \d.*, and not only 0"),
        ("UPDATE order_intents SET gateway_order_id = NULL", "at the venue, and that stays"),
        ("UPDATE order_intents SET gateway_order_id = id", "at the venue, and that stays"),
        ("UPDATE order_intents SET attempt = 0", "was sent 1 times, and not only 0 times"),
        ("UPDATE order_intents SET version = 0", "and does not go back to 0"),
        ("UPDATE order_intents SET first_sent_at = '2000-01-01'", "was first sent at .*, and that stays"),
        ("UPDATE order_intents SET acknowledged_at = NULL", "was acknowledged at .*, and that stays"),
        ("UPDATE order_intents SET final_at = NULL", "was filled at .*, and that stays"),
        (
            "INSERT INTO order_intents (plan_id, account, strategy_id, mode, slot, client_order_id, symbol, leg,"
            " position, side, quantity, price, reduces, state, filled_quantity)"
            " SELECT plan_id, account, strategy_id, mode, 'x', 'x', symbol, 1, 0, 'buy', 5, 1, FALSE, 'filled', 5"
            " FROM order_intents LIMIT 1",
            "order x begins as planned",
        ),
    ],
)
def test_what_was_decided_cannot_be_undone_by_the_tasks_role(traded: str, statement: str, words: str) -> None:
    with psycopg.connect(traded) as connection:
        connection.execute("UPDATE plans SET state = 'closed', closed_reason = 'every order is final'")
        with pytest.raises(psycopg.IntegrityError, match=words):
            connection.execute(statement)


def test_a_plan_is_closed_when_the_database_says(traded: str) -> None:
    with psycopg.connect(traded) as connection:
        # The first one was closed by its run.
        connection.execute(
            """
            INSERT INTO plans
            SELECT (jsonb_populate_record(plans, jsonb_build_object(
                'plan_id', gen_random_uuid(), 'revision', 2, 'state', 'open', 'frozen_at', '2000-01-01'
            ))).* FROM plans
            """
        )
        connection.execute(
            "UPDATE plans SET state = 'closed', closed_reason = 'x', closed_at = '2000-01-01' WHERE state = 'open'"
        )
        years = connection.execute("SELECT extract(year FROM closed_at), extract(year FROM frozen_at) FROM plans")
        assert all(year > 2020 for row in years for year in row)


def test_a_venue_that_makes_its_own_ids_may_have_an_order_under_another(ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as owner:
        owner.execute("INSERT INTO accounts (account) VALUES ('main')")
        _happen(owner, "order_attempts")
        for id in ("of-monday", "of-tuesday"):
            owner.execute("UPDATE order_intents SET gateway_order_id = %s", [id])
        with pytest.raises(psycopg.IntegrityError, match="is of-tuesday at the venue"):
            owner.execute("UPDATE order_intents SET gateway_order_id = NULL")


def test_the_ledger_leads_an_order_by_the_ways_of_the_state_table_alone(ledger_url: str) -> None:
    states = sorted(STATES)
    with psycopg.connect(ledger_url) as owner:
        ways = owner.execute(
            """
            SELECT was, becomes FROM unnest(%(states)s::TEXT[]) AS was, unnest(%(states)s::TEXT[]) AS becomes
            WHERE order_may_become(was, becomes)
            """,
            {"states": states},
        ).fetchall()

    assert set(ways) == {(was, becomes) for was in states for becomes in TRANSITIONS[was]}


def test_when_an_attempt_began_is_not_the_word_of_the_tasks_role(ledger_url: str, role: str) -> None:
    grant(ledger_url, role)
    with psycopg.connect(as_role(ledger_url, role)) as connection:
        connection.execute("INSERT INTO accounts (account) VALUES ('main')")
        _happen(connection, "order_attempts")
        for number, apart in enumerate(("-26 years", "-6 seconds", "1 minute", "0 seconds"), start=2):
            connection.execute(
                """
                INSERT INTO order_attempts (
                    intent_id, attempt, account, worker, code_version, started_at, times_out_at, gateway_order_ids
                )
                SELECT id, %s, 'main', 'x', 'x', clock_timestamp() + %s::INTERVAL, now(), '{}' FROM order_intents
                """,
                [number, apart],
            )
        wrong = connection.execute(
            """
            SELECT attempt FROM order_attempts
            WHERE started_at NOT BETWEEN transaction_timestamp() - INTERVAL '5 seconds' AND clock_timestamp()
            """
        ).fetchall()

    assert wrong == []


@pytest.mark.parametrize(
    "table",
    [
        *("account_events", "baselines", "corrections", "fills", "movements", "order_attempts", "order_events"),
        "positions",
    ],
)
@pytest.mark.parametrize("words", ["UPDATE {0} SET account = account", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_what_happened_is_changed_by_nobody_not_even_its_owner(ledger_url: str, table: str, words: str) -> None:
    with psycopg.connect(ledger_url) as owner:
        owner.execute("INSERT INTO accounts (account) VALUES ('main')")
        _happen(owner, table)
        if table == "order_events":
            words = words.replace("account = account", "actor = actor")

        with pytest.raises(psycopg.IntegrityError, match="is append-only"):
            owner.execute(sql.SQL(words).format(sql.Identifier(table)))


def test_when_something_happened_is_the_databases_word(ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as owner:
        owner.execute("INSERT INTO accounts (account) VALUES ('main')")
        for table, column in TIMES.items():
            _happen(owner, table)
            years = sql.SQL("SELECT min(extract(year FROM {})) FROM {}")
            (year,) = owner.execute(years.format(sql.Identifier(column), sql.Identifier(table))).fetchone() or (None,)
            assert year is not None, table
            assert year > 2020, table


TIMES = {
    "account_events": "at",
    "alerts": "first_at",
    "baselines": "adopted_at",
    "breaks": "found_at",
    "corrections": "at",
    "fills": "booked_at",
    "movements": "at",
    "order_events": "at",
    "positions": "queried_at",
    "run_steps": "started_at",
}
# A row of each table, with a date of its own where it has one.
ROWS = {
    "account_events": "(account, at, actor, from_state, to_state, cause, reason)"
    " VALUES ('main', '2000-01-01', 'x', 'active', 'halted', 'x', 'x')",
    "alerts": "(kind, severity, dedupe_key, message, next_step, first_at)"
    " VALUES ('x', 'info', 'x', 'x', 'x', '2000-01-01')",
    "baselines": "(account, symbol, quantity, adopted_by, reason, adopted_at) VALUES"
    " ('main', 'KO', 1, 'x', 'x', '2000-01-01')",
    "breaks": "(account, kind, dedupe_key, message, found_at) VALUES ('main', 'x', 'x', 'x', '2000-01-01')",
    "corrections": "(account, strategy_id, kind, detail, against_gateway, actor, reason, at)"
    " VALUES ('main', 's', 'move', '{}', FALSE, 'x', 'x', '2000-01-01')",
    "fills": "(account, fill_id, intent_id, quantity, price, booked_at)"
    " SELECT 'main', 'f', id, 1, 1, '2000-01-01' FROM order_intents",
    "movements": "(account, strategy_id, mode, symbol, quantity, kind, intent_id, at)"
    " SELECT 'main', 's', 'paper', 'KO', 1, 'fill', id, '2000-01-01' FROM order_intents",
    "order_attempts": "(intent_id, attempt, account, worker, code_version, started_at, times_out_at, gateway_order_ids)"
    " SELECT id, 1, 'main', 'x', 'x', now(), now(), '{}' FROM order_intents",
    "order_events": "(intent_id, at, actor, event, attempt) SELECT id, '2000-01-01', 'x', 'x', 1 FROM order_intents",
    "positions": "(account, queried_at, quantities) VALUES ('main', '2000-01-01', '{}')",
    "run_steps": "(run_id, step, try_number, started_at) VALUES (gen_random_uuid(), 'x', 1, '2000-01-01')",
}


def _happen(owner: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    """Write a row of the table, and the order that it may be about."""
    owner.execute(
        """
        INSERT INTO plans (
            plan_id, mode, account, strategy_id, session_date, revision, contract, as_of_date, parameters,
            window_opens, send_until, cutoff_at, created_by_run
        )
        VALUES (
            '00000000-0000-0000-0000-000000000001', 'paper', 'main', 's', '2026-01-02', 1, 'v2', '2026-01-01', '{}',
            now(), now() + interval '1 hour', now() + interval '1 hour', '00000000-0000-0000-0000-000000000002'
        )
        ON CONFLICT DO NOTHING
        """
    )
    owner.execute(
        """
        INSERT INTO order_intents (
            plan_id, account, strategy_id, mode, slot, client_order_id, symbol, leg, position, side, quantity, price,
            reduces
        )
        VALUES (
            '00000000-0000-0000-0000-000000000001', 'main', 's', 'paper', 'a', 'a', 'KO', 1, 0, 'buy', 1, 1, FALSE
        )
        ON CONFLICT DO NOTHING
        """
    )
    owner.execute(sql.SQL("INSERT INTO {} ").format(sql.Identifier(table)) + sql.SQL(ROWS[table]))


def test_every_column_that_is_written_once_is_a_column_and_the_tasks_role_cannot_change_it(
    ledger_url: str, role: str
) -> None:
    grant(ledger_url, role)

    with psycopg.connect(ledger_url) as owner:
        changeable = [
            f"{table}.{column}"
            for table, columns in grants.WRITTEN_ONCE.items()
            for column in columns
            if owner.execute("SELECT has_column_privilege(%s, %s, %s, 'UPDATE')", [role, table, column]).fetchone()
            != (False,)
        ]
    assert changeable == []


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
