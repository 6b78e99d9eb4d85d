"""What the demo shows: its tasks while it waits, the run when it ended; and the environment it gives to Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import venue_at
from include.launcher import airflow
from include.launcher.demo import sandbox_book, summary
from include.launcher.errors import CannotRun
from include.launcher.report import render, sandbox_note
from include.launcher.settings import Ports, Secrets
from include.launcher.strategies import DEMO, named_by, strategies_of, strategies_path
from include.trading.strategy.spec import Strategy

RUN: dict[str, Any] = {
    "run_id": "8823d7c1-3a83-5463-8c8a-e848fac03eec",
    "strategy_id": "sandbox",
    "mode": "paper",
    "mode_reason": None,
    "session_date": date(2026, 11, 23),
    "as_of_date": date(2026, 11, 20),
    "model_version": "momentum-1",
    "capital": Decimal("100000.00"),
    "num_signals": 2,
    "num_orders_submitted": 1,
    "num_orders_accepted": 1,
    "num_orders_rejected": 0,
    "num_orders_filled": 1,
    "status": "partial",
    "duration_seconds": Decimal("3.812"),
    "error_message": None,
}
FILLED: dict[str, Any] = {
    "symbol": "AAPL",
    "leg": 1,
    "rank": 1,
    "target_weight": Decimal("0.333"),
    "price": Decimal(150),
    "order_side": "buy",
    "order_qty": 222,
    "order_status": "filled",
    "outcome": "order",
    "skip_reason": None,
    "filled_qty": Decimal("222.0000"),
    "filled_avg_price": Decimal("150.2500"),
    "client_order_id": "p0123456789",
}
SKIPPED = FILLED | {
    "symbol": "KO",
    "rank": 2,
    "price": None,
    "order_side": None,
    "order_qty": None,
    "order_status": None,
    "outcome": "skipped",
    "skip_reason": "no_price",
    "filled_qty": None,
    "filled_avg_price": None,
    "client_order_id": None,
}
PORTS = Ports(signals=1, gateway=2, market=3, admin=4, ui=5)
SECRETS = Secrets(fernet_key="f", jwt_secret="j", api_secret_key="a", admin_password="p")


def environment(
    home: Path, ports: Ports = PORTS, strategies: tuple[Strategy, ...] = (), **given: str
) -> dict[str, str]:
    return airflow.environment(
        given,
        home=home,
        ports=ports,
        secrets=SECRETS,
        metadata_url="postgresql://meta",
        ledger_url="postgresql://ledger",
        strategies=strategies,
    )


def test_a_mapped_task_is_shown_as_counts() -> None:
    states = [("fetch_signals", "success"), *[("submit_orders", "success")] * 4, ("submit_orders", "running")]

    assert summary(states) == "fetch_signals success, submit_orders 4 success 1 running"


def test_a_run_is_shown_with_signals_orders_totals_and_status() -> None:
    lines = render(RUN, [FILLED, SKIPPED]).splitlines()

    assert "  AAPL       1  0.3330  33,300.00 USD  150.00" in lines
    assert "  AAPL    buy        222  filled       222      150.25  p0123456789" in lines
    assert "  KO      -            -  no_price       -           -  -" in lines
    assert any("1 orders sent" in line and "bought 33,355.50 USD" in line for line in lines)
    assert lines[-1] == "Status: partial in 3.8 s"


def test_a_run_that_may_not_send_says_why() -> None:
    planned = RUN | {"mode": "plan", "mode_reason": "before the open at 2026-11-23 14:30 UTC"}

    assert "Mode: plan, because before the open at 2026-11-23 14:30 UTC" in render(planned, [FILLED]).splitlines()


def test_the_note_names_the_symbols_whose_prices_are_generated() -> None:
    assert "Generated" not in sandbox_note(["AAPL", "KO"])
    assert sandbox_note(["TSLA", "AAPL", "BRK.B"]).endswith("the prices of BRK.B, TSLA.")


def test_a_run_that_failed_before_its_signals_shows_the_error() -> None:
    failed = RUN | {"status": "failed", "duration_seconds": None, "error_message": "the Signal Service did not answer"}

    lines = render(failed, []).splitlines()

    assert lines.count("  none") == 2
    assert lines[-2:] == ["Status: failed", "Error: the Signal Service did not answer"]


def test_connections_tuning_and_databases_of_the_user_win(tmp_path: Path) -> None:
    mine = {
        "AIRFLOW_CONN_TRADING_LEDGER": "postgresql://mine",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://mine-too",
        "AIRFLOW__CORE__PARALLELISM": "32",
    }

    env = environment(tmp_path, **mine)

    assert mine.items() <= env.items()
    assert json.loads(env["AIRFLOW_CONN_EXECUTION_GATEWAY"])["extra"] == {"contract": "v2", "account": "sandbox"}


def test_a_demo_at_alpaca_trades_at_the_emulators_port_with_its_keys(tmp_path: Path) -> None:
    env = environment(tmp_path, replace(PORTS, alpaca=6))

    venue = venue_at(ConnectionParts.from_environment("execution_gateway", env))
    assert (venue.traits.kind, venue.account, venue.connection.address) == (
        "alpaca",
        "alpaca_sandbox",
        "http://127.0.0.1:6",
    )


def test_a_home_and_a_port_of_another_airflow_do_not_reach_the_demo(tmp_path: Path) -> None:
    env = environment(tmp_path, AIRFLOW_HOME="/elsewhere", AIRFLOW__API__PORT="8080", AIRFLOW__API__HOST="0.0.0.0")

    assert env["AIRFLOW_HOME"] == str(tmp_path)
    assert env["AIRFLOW__API__PORT"] == "5"
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"


OWN = """
strategies:
  - {id: mine, venue: my_broker, symbols: [TSLA, IBM], capital: 5000, prices: {alpaca: {connection: my_prices}},
     signals: {service: {connection: my_model, top_n: 1, bottom_n: 1}}}
"""


def test_every_connection_that_the_users_strategies_name_leads_to_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    strategies = strategies_of(tmp_path / "own.yaml")

    env = environment(tmp_path, strategies=strategies)

    venue = venue_at(ConnectionParts.from_environment("my_broker", env))
    assert (venue.account, venue.connection.address) == ("sandbox", "http://127.0.0.1:2")
    assert [ConnectionParts.from_environment(id, env).port for id in ("my_model", "my_prices")] == [1, 3]
    assert named_by(strategies).venues == {"my_broker"}


def test_a_strategies_file_is_named_from_where_the_command_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert environment(tmp_path, TRADING_STRATEGIES_FILE="own.yaml")["TRADING_STRATEGIES_FILE"] == str(
        tmp_path / "own.yaml"
    )
    assert strategies_path({}) == DEMO


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("strategies: []", "it lists none"),
        ("strategies: [{id: mine}]", "strategy mine: signals: expected"),
        ("strategy: []", "expected one key `strategies`"),
    ],
)
def test_a_file_without_a_strategy_that_can_run_stops_the_demo_with_its_problems(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "own.yaml").write_text(text)

    with pytest.raises(CannotRun) as refused:
        strategies_of(tmp_path / "own.yaml")

    assert said in str(refused.value)


def test_what_was_traded_at_one_venue_is_no_position_at_the_other(tmp_path: Path) -> None:
    gateway, alpaca = sandbox_book(tmp_path, PORTS), sandbox_book(tmp_path, replace(PORTS, alpaca=6))

    assert gateway.parent == alpaca.parent == tmp_path
    assert gateway != alpaca
