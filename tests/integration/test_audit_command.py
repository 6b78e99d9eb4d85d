"""The command `audit` on a real ledger and the sandbox: what it reads is what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from include.ops.main import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.audit.judge import BOOKS, OTHER_SIDE, OWN, QUANTITY
from tests.support.trading import Trade

ALL = ("audit", "--from", "2000-01-01", "--to", "2100-01-01")


@pytest.fixture(scope="module", params=["v1", "v2"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    with start_sandbox(contract=request.param) as running:
        yield request.param, running


@pytest.fixture
def trade(started: tuple[str, Sandbox], ledger_url: str) -> Trade:
    contract, sandbox = started
    trade = Trade.begin(ledger_url, sandbox, contract)
    run, order = trade.plan_one()
    trade.admin.fault("reset_after_accept", times=1)
    trade.submit(order)
    assert trade.engine.track(run).status == "completed"
    return trade


def environ(trade: Trade, *, gateway: str | None = None) -> dict[str, str]:
    connection = {
        "conn_type": "http",
        "host": gateway or trade.engine.gateway_url,
        "extra": {"contract": trade.engine.contract, "account": "sandbox"},
    }
    return {
        "AIRFLOW_CONN_TRADING_LEDGER": trade.engine.ledger_url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(connection),
    }


def audited(trade: Trade, capsys: pytest.CaptureFixture[str], **where: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = main([*ALL, "--json"], environ(trade, **where))
    (account,) = json.loads(capsys.readouterr().out)
    return code, account


def violated(account: dict[str, Any]) -> set[str]:
    return {
        result["rule"]
        for result in account["results"]
        for finding in result["findings"]
        if finding["outcome"] == "violation"
    }


def tamper(trade: Trade, statement: str) -> None:
    """Change the ledger as its owner could, past every guard."""
    with psycopg.connect(trade.engine.ledger_url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement)


def test_a_traded_session_keeps_every_rule(trade: Trade, capsys: pytest.CaptureFixture[str]) -> None:
    code, account = audited(trade, capsys)

    assert (code, account["orders"], violated(account)) == (0, 1, set())
    assert {(result["rule"], result["checked"]) for result in account["results"]} == {
        (rule, 1) for rule in (*OWN, QUANTITY[0], *OTHER_SIDE, *BOOKS)
    }


def test_the_table_has_a_line_a_rule_and_tells_what_the_gateway_cannot_show(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(ALL, environ(trade)) == 0

    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[2:14]] == [*OWN, QUANTITY[0], *list(OTHER_SIDE)[:3]]
    assert "not provable, once: account sandbox: the gateway has no list of its orders" in printed
    assert ("counts partial fills twice" in printed) == (trade.engine.contract == "v1")


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("UPDATE order_intents SET state = 'canceled'", {"columns"}),
        ("UPDATE order_events SET to_state = 'denied' WHERE to_state = 'unknown'", {"transitions"}),
        ("DELETE FROM order_attempts", {"attempts"}),
        ("UPDATE order_attempts SET started_at = started_at + interval '1 day'", {"window"}),
        ("INSERT INTO account_events (account, at, actor, from_state, to_state, cause, reason)"
         " VALUES ('sandbox', '2000-01-01', 'x', 'active', 'halted', 'x', 'x')", {"halt"}),
        ("UPDATE order_intents SET slot = slot || 'x'", {"identity"}),
    ],
)  # fmt: skip
def test_a_history_that_was_changed_by_hand_is_found(
    trade: Trade, capsys: pytest.CaptureFixture[str], statement: str, rules: set[str]
) -> None:
    tamper(trade, statement)

    code, account = audited(trade, capsys)

    assert code == 1
    assert rules <= violated(account)


def test_fills_that_are_missing_are_found_by_quantity_columns_and_books(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(trade, "UPDATE fills SET quantity = quantity - 1")

    code, account = audited(trade, capsys)

    assert code == 1
    assert {"columns", "quantity", "filled", "explained"} <= violated(account)


def test_a_movement_that_nothing_explains_is_found_and_a_corrections_is_none(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = "INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, {more})"
    moved += " SELECT account, strategy_id, mode, symbol, 1, '{kind}', 1 FROM order_intents"
    tamper(
        trade,
        "INSERT INTO corrections (account, strategy_id, symbol, kind, detail, against_gateway, actor, reason)"
        " SELECT account, strategy_id, symbol, 'quantity', '{}', true, 'ann', 'x' FROM order_intents",
    )
    tamper(trade, moved.format(more="correction_id", kind="correction"))
    assert violated(audited(trade, capsys)[1]) == ({"positions"} if trade.engine.contract == "v2" else set())
    tamper(trade, moved.format(more="intent_id", kind="fill"))

    assert {"held", "explained"} <= violated(audited(trade, capsys)[1])


def test_an_order_that_the_gateway_has_and_the_ledger_calls_unsent_is_found(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    tamper(trade, "UPDATE order_events SET to_state = 'not_sent' WHERE to_state = 'filled'")

    code, account = audited(trade, capsys)

    assert code == 1
    assert "lost" in violated(account)


def test_without_the_gateways_word_the_command_says_that_it_could_not_ask(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    code, account = audited(trade, capsys, gateway="http://127.0.0.1:1")

    assert (code, violated(account)) == (2, set())
    assert "gave no answer" in account["not_asked"]
    tamper(trade, "DELETE FROM order_attempts")
    assert audited(trade, capsys, gateway="http://127.0.0.1:1")[0] == 1


def test_orders_of_another_mode_than_the_gateways_are_not_provable(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    trade.admin.settings(mode="dry_run")

    code, account = audited(trade, capsys)

    assert (code, violated(account)) == (0, set())
    found = {one["words"] for result in account["results"] for one in result["findings"]}
    assert "the gateway is of mode dry_run now, the order was paper" in found


def test_another_gateway_behind_the_name_is_not_asked_about_the_accounts_orders(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    with start_sandbox(contract=trade.engine.contract) as other:
        code, account = audited(trade, capsys, gateway=other.gateway_url)

    assert (code, violated(account)) == (2, set())
    assert "the account belongs to the gateway with" in account["not_asked"]


def test_a_404_proves_nothing_about_an_order_of_an_earlier_binding(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    trade.admin.reset()
    tamper(trade, "UPDATE order_events SET to_state = 'open' WHERE to_state = 'filled'")
    assert "lost" in violated(audited(trade, capsys)[1])
    tamper(trade, "UPDATE accounts SET binding = binding + 1")

    _, account = audited(trade, capsys)

    assert "lost" not in violated(account)


def test_sessions_outside_of_the_days_are_left_out_and_days_in_the_wrong_order_refused(
    trade: Trade, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(("audit", "--from", "2000-01-01", "--to", "2000-01-02", "--account", "sandbox"), environ(trade))

    assert (code, capsys.readouterr().out.splitlines()[0]) == (0, "account sandbox: 0 orders")
    assert main(("audit", "--from", "2000-01-02", "--to", "2000-01-01"), environ(trade)) == 2
    assert "expected a day no later than" in capsys.readouterr().err
