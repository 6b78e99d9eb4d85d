"""The example services of the docs are enough for a whole run: signals, orders, fills, positions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest

from include.adapters.http.endpoint import Endpoint
from include.adapters.signals.service import SignalServiceClient
from include.launcher.paths import ROOT
from include.launcher.processes import free_port
from include.sandbox.runner import start_sandbox
from include.trading.errors import Rejected
from tests.support.engine import Engine, sandbox_strategy

SYMBOLS = ("AAPL", "MSFT", "KO", "JPM")


@contextmanager
def example(name: str) -> Iterator[str]:
    """Start an example of the docs as its first lines say, and return its address."""
    port = free_port()
    # The clients try again until it listens: a port without a listener refuses at once.
    process = subprocess.Popen([sys.executable, ROOT / "docs" / "examples" / name, str(port)], cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    with (
        start_sandbox(contract="v2") as sandbox,
        example("signal_service.py") as signals_url,
        example("execution_gateway.py") as gateway_url,
    ):
        yield Engine(
            ledger_url,
            signals_url,
            gateway_url,
            sandbox.market_url,
            retry_delays_seconds=(0.1,) * 100,
            account="example",
        )


def test_a_session_is_traded_with_the_example_services(engine: Engine) -> None:
    run = engine.run("first", sandbox_strategy(symbols=SYMBOLS))

    assert (run.status, run.num_signals, run.num_orders_filled) == ("completed", 4, 4), run.error_message
    with engine.desk() as desk:
        rows = desk.ledger.runs.mappings(run.run_id)
        held = {row["symbol"]: Decimal(row["target_quantity"]) for row in rows}
        assert desk.gateway.positions() == held


def test_the_example_signal_service_refuses_a_symbol_that_its_model_does_not_know(engine: Engine) -> None:
    endpoint = Endpoint(
        connection_id="signal_service", service="signal_service", base_url=engine.signals_url, contract="v2"
    )
    with SignalServiceClient(endpoint, correlation_id="test", retry_delays_seconds=(0.1,) * 100) as client:
        client.check_ready()
        with pytest.raises(Rejected, match="TSLA"):
            client.generate(["AAPL", "TSLA"], date(2026, 1, 5), 1, 1)
