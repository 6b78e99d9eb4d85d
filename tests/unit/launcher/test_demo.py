"""What the demo shows: its tasks while it waits, the run when it ended; and the environment it gives to Airflow."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import venue_at
from include.launcher import airflow
from include.launcher.demo import summary
from include.launcher.report import render
from include.launcher.settings import Ports, Secrets

RUN: dict[str, Any] = {
    "run_id": "8823d7c1-3a83-5463-8c8a-e848fac03eec",
    "strategy_id": "sandbox",
    "mode": "paper",
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


def environment(home: Path, ports: Ports = PORTS, **given: str) -> dict[str, str]:
    return airflow.environment(
        given,
        home=home,
        ports=ports,
        secrets=SECRETS,
        metadata_url="postgresql://meta",
        ledger_url="postgresql://ledger",
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
