"""An upgrade in the middle of a session: an open plan is carried over, and no order is lost or sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from include.execution.steps.open_run import read_run, strategy_of
from include.execution.steps.track_fills import refresh_orders
from include.ledger.ledger import Ledger
from include.ops.main import main
from include.sandbox.runner import start_sandbox
from include.trading.errors import InvalidData
from tests.support.databases import copy_rows, migrate_to
from tests.support.engine import Engine, sandbox_strategy

# The version of the last release but for what this one adds.
BEFORE = "0004"


@pytest.fixture
def older(ledger_url: str, empty_database_url: str) -> Callable[[], str]:
    """Return a ledger of the version before, with the rows of the one that the test filled."""

    def make() -> str:
        migrate_to(empty_database_url, BEFORE)
        spell_as_before(ledger_url)
        copy_rows(ledger_url, empty_database_url)
        return empty_database_url

    return make


def test_a_plan_that_is_open_during_an_upgrade_is_sent_to_its_end(ledger_url: str, older: Callable[[], str]) -> None:
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        planned, intents = engine.plan(engine.identity("first"), sandbox_strategy())
        engine.submit(intents[0].client_order_id)

        environ = {"AIRFLOW_CONN_TRADING_LEDGER": (url := older())}
        engine = replace(engine, ledger_url=url)
        with pytest.raises(InvalidData, match=r"python -m include\.ops migrate"):
            engine.submit(intents[1].client_order_id)
        assert main(["migrate"], environ) == 0
        engine.submit_all(intents)
        run = engine.track(planned)

        assert run.status == "completed"
        assert Counter(sandbox.admin.book()["posts_by_id"]) == Counter(intent.client_order_id for intent in intents)


def test_a_run_takes_over_the_plan_that_the_version_before_kept_in_its_own_words(
    ledger_url: str, older: Callable[[], str]
) -> None:
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        strategy = sandbox_strategy(orders={"reductions_first": "always", "per_minute": 60}, venue="t4")
        planned, intents = engine.plan(engine.identity("first"), strategy)

        engine = replace(engine, ledger_url=older())
        assert main(["migrate"], {"AIRFLOW_CONN_TRADING_LEDGER": engine.ledger_url}) == 0
        taken_over, same = engine.plan(engine.identity("second"), strategy)

        with engine.ledger() as ledger:
            kept = read_run(ledger, planned.run_id)
            assert kept.parameters["strategy"]["gateway_connection"] == "t4"
            assert ledger.plans.gateway_connections() == ["t4"]
        assert strategy_of(kept) == strategy_of(planned)
        assert taken_over.adopted
        assert [intent.client_order_id for intent in same] == [intent.client_order_id for intent in intents]


def test_an_upgrade_leaves_ids_plans_and_what_is_held_as_they_were(ledger_url: str, older: Callable[[], str]) -> None:
    with start_sandbox(fill_after=3600) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        planned, intents = engine.plan(engine.identity("first"), sandbox_strategy())
        bought, open_half = (engine.submit(intent.client_order_id) for intent in intents[:2])
        sandbox.admin.order(bought.gateway_order_id or "", fill=bought.quantity)
        sandbox.admin.order(open_half.gateway_order_id or "", fill=5)
        with engine.desk() as desk:
            refresh_orders(desk, [bought, open_half])

        url = older()
        before = _orders_and_fills(ledger_url)
        assert main(["migrate"], {"AIRFLOW_CONN_TRADING_LEDGER": url}) == 0
        after = _orders_and_fills(url)
        engine = replace(engine, ledger_url=url)
        with engine.ledger() as ledger:
            held = ledger.movements.held("sandbox", strategy_id="daily_trading", mode="paper")
        for intent in (open_half, *map(engine.submit, [intent.client_order_id for intent in intents[2:]])):
            rest = intent.quantity - (5 if intent.id == open_half.id else 0)
            sandbox.admin.order(intent.gateway_order_id or "", fill=rest)
        run = engine.track(planned)

    assert after == before
    signed = {intent.symbol: 1 if intent.side == "buy" else -1 for intent in intents}
    assert held == {
        bought.symbol: signed[bought.symbol] * bought.quantity,
        open_half.symbol: signed[open_half.symbol] * 5,
    }
    assert (run.status, run.error_message) == ("completed", None)


def _orders_and_fills(url: str) -> list[object]:
    with psycopg.connect(url) as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "SELECT id, plan_id, slot, client_order_id, symbol, leg, side, quantity, price, state, version,"
                " attempt, gateway_order_id, broker_order_id, filled_quantity, filled_avg_price"
                " FROM order_intents ORDER BY id",
                "SELECT plan_id, mode, account, strategy_id, session_date, revision, parameters, state FROM plans",
                "SELECT id, fill_id, intent_id, quantity, price FROM fills ORDER BY id",
            )
        ]


def test_tasks_of_the_older_code_are_refused_by_the_newer_tables(ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as connection:
        connection.execute("UPDATE alembic_version_trading SET version_num = '9999'")

    with (
        pytest.raises(InvalidData, match="at version 9999"),
        Engine(ledger_url, "http://x", "http://x", "http://x").ledger(),
    ):
        pass


def test_an_upgrade_moves_an_account_with_blanks_around_its_name_and_keeps_its_orders(
    ledger_url: str, older: Callable[[], str]
) -> None:
    """The connection's name has no blanks any more: under its old one the account's book would be out of sight."""
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        run = engine.run("first", sandbox_strategy())
        with engine.ledger() as ledger:
            before = ledger.orders.of_plan(run.plan_id or run.run_id)
            halted(ledger)
        url = older()
        rename(url, "sandbox", " sandbox ")

        assert main(["migrate"], {"AIRFLOW_CONN_TRADING_LEDGER": url}) == 0

        engine = replace(engine, ledger_url=url)
        with engine.ledger() as ledger:
            accounts = [(account.account, account.state, account.environment) for account in ledger.accounts.all()]
            after = ledger.orders.of_plan(run.plan_id or run.run_id)
        assert accounts == [("sandbox", "halted", "paper")]
        assert after == before
        assert engine.track(run).status == "completed"


def spell_as_before(url: str) -> None:
    """Write the strategies that runs and plans keep with the keys of the version before."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in ("plans", "orchestration_runs"):
            connection.execute(
                sql.SQL(
                    """
                    UPDATE {} SET parameters = jsonb_set(parameters, '{{strategy}}',
                        (parameters -> 'strategy') - ARRAY[
                            'signals', 'venue', 'prices', 'orders', 'quantities', 'when_short_of_money',
                            'replay_capital'
                        ]
                        || jsonb_build_object(
                            'signal_connection', parameters #> '{{strategy,signals,service,connection}}',
                            'top_n', parameters #> '{{strategy,signals,service,top_n}}',
                            'bottom_n', parameters #> '{{strategy,signals,service,bottom_n}}',
                            'gateway_connection', parameters #> '{{strategy,venue}}',
                            'market_data_connection', parameters #> '{{strategy,prices,alpaca,connection}}',
                            'orders_per_minute', parameters #> '{{strategy,orders,per_minute}}',
                            'send_minutes', parameters #> '{{strategy,orders,send_minutes}}',
                            'wait_for_reductions', parameters #>> '{{strategy,orders,reductions_first}}' = 'always'
                        ))
                    """
                ).format(sql.Identifier(table))
            )


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
