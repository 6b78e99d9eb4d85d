"""An upgrade in the middle of a session: an open plan is carried over, and no order is lost or sent twice."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest
from psycopg import sql

from include.ledger.ledger import Ledger
from include.ledger.migrations import NEWEST
from include.ops.commands import main
from include.sandbox.runner import start_sandbox
from include.trading.errors import Halted, InvalidData
from tests.support.engine import Engine, sandbox_strategy

REASON = ("--account", "sandbox", "--by", "ada", "--reason", "upgrade")


def set_back(url: str) -> None:
    """Make the ledger what version 0004 left: its tables, and all rows in them."""
    assert NEWEST == "0007", "set back the migration that is the newest now"
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE alert_deliveries, alert_channels")
        connection.execute("DROP INDEX idx_alerts_over")
        connection.execute(
            "CREATE INDEX idx_alerts_unsent ON alerts (id) WHERE sent_at IS NULL OR over_sent_at IS NULL"
        )
        connection.execute(
            """
            ALTER TABLE alerts
                ADD COLUMN claimed_until TIMESTAMPTZ, DROP COLUMN acknowledged_at, DROP COLUMN acknowledged_by,
                DROP COLUMN acknowledged_reason, DROP COLUMN closed_by, DROP COLUMN closed_reason
            """
        )
        connection.execute(
            """
            ALTER TABLE accounts
                DROP COLUMN gateway_address, DROP COLUMN gateway_strategy_id, DROP COLUMN gateway_broker_url,
                DROP COLUMN gateway_version, DROP COLUMN binding, DROP COLUMN environment
            """
        )
        connection.execute("ALTER TABLE plans DROP COLUMN gateway")
        connection.execute("ALTER TABLE order_attempts DROP COLUMN gateway, DROP COLUMN binding")
        connection.execute("ALTER TABLE ledger_identity DROP COLUMN restored")
        connection.execute(
            """
            ALTER TABLE fills
                DROP CONSTRAINT fills_quantity_check,
                ADD CONSTRAINT fills_quantity_check CHECK (quantity > 0),
                ALTER COLUMN price SET NOT NULL
            """
        )
        connection.execute("UPDATE alembic_version_trading SET version_num = '0004'")


def test_a_plan_that_is_open_during_an_upgrade_is_sent_to_its_end(ledger_url: str) -> None:
    environ = {"AIRFLOW_CONN_TRADING_LEDGER": ledger_url}
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        planned, intents = engine.plan(engine.identity("first"), sandbox_strategy())
        engine.submit(intents[0].client_order_id)
        assert main(["halt", *REASON], environ) == 0
        with pytest.raises(Halted):
            engine.submit(intents[1].client_order_id)

        set_back(ledger_url)
        with pytest.raises(InvalidData, match=r"python -m include\.ops migrate"):
            engine.submit(intents[1].client_order_id)
        assert main(["migrate"], environ) == 0
        assert main(["resume", *REASON], environ) == 0
        engine.submit_all(intents)
        run = engine.track(planned)

        assert run.status == "completed"
        assert Counter(sandbox.admin.book()["posts_by_id"]) == Counter(intent.client_order_id for intent in intents)


def test_tasks_of_the_older_code_are_refused_by_the_newer_tables(ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as connection:
        connection.execute("UPDATE alembic_version_trading SET version_num = '9999'")

    with (
        pytest.raises(InvalidData, match="at version 9999"),
        Engine(ledger_url, "http://x", "http://x", "http://x").ledger(),
    ):
        pass


def test_an_upgrade_moves_an_account_with_blanks_around_its_name_and_keeps_its_orders(
    ledger_url: str,
) -> None:
    """The connection's name has no blanks any more: under its old one the account's book would be out of sight."""
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        run = engine.run("first", sandbox_strategy())
        with engine.ledger() as ledger:
            before = ledger.orders.of_plan(run.plan_id or run.run_id)
            halted(ledger)
        set_back(ledger_url)
        rename(ledger_url, "sandbox", " sandbox ")

        assert main(["migrate"], {"AIRFLOW_CONN_TRADING_LEDGER": ledger_url}) == 0

        with engine.ledger() as ledger:
            accounts = [(account.account, account.state, account.environment) for account in ledger.accounts.all()]
            after = ledger.orders.of_plan(run.plan_id or run.run_id)
        assert accounts == [("sandbox", "halted", "paper")]
        assert after == before
        assert engine.track(run).status == "completed"


def halted(ledger: Ledger) -> None:
    ledger.accounts.set_state(ledger.accounts.lock("sandbox"), "halted", cause="test", reason="test", actor="test")


def rename(url: str, old: str, new: str) -> None:
    """Write an account's name as a ledger of before could have it."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        tables = connection.execute(
            """
            SELECT table_name FROM information_schema.columns
            WHERE column_name = 'account' AND table_schema = 'public'
            """
        ).fetchall()
        for (table,) in tables:
            statement = sql.SQL("UPDATE {} SET account = %s WHERE account = %s").format(sql.Identifier(table))
            connection.execute(statement, (new, old))
