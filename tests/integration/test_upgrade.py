"""An upgrade in the middle of a session: an open plan is carried over, and no order is lost or sent twice."""

from __future__ import annotations

from collections import Counter

import psycopg
import pytest

from include.ledger.migrations import NEWEST
from include.ops.commands import main
from include.sandbox.runner import start_sandbox
from include.trading.errors import Halted, InvalidData
from tests.support.engine import Engine, sandbox_strategy

REASON = ("--account", "sandbox", "--by", "ada", "--reason", "upgrade")


def set_back(url: str) -> None:
    """Make the ledger what the version before the newest migration left: its tables, and all rows in them."""
    assert NEWEST == "0004", "set back the migration that is the newest now"
    with psycopg.connect(url) as connection:
        connection.execute("DROP FUNCTION lock_order")
        connection.execute("DROP FUNCTION unresolved_since")
        connection.execute("DROP INDEX idx_order_intents_live")
        connection.execute(
            """
            CREATE INDEX idx_order_intents_live ON order_intents (account, state)
            WHERE state IN ('planned', 'sending', 'unknown', 'open')
            """
        )
        connection.execute("UPDATE alembic_version_trading SET version_num = '0003'")


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
