"""Each contract version of the sandbox, and the commands over it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from tests.support.commands import STRATEGIES, Duty
from tests.support.engine import Engine


@pytest.fixture(scope="module", params=["v1", "v2"])
def started(request: pytest.FixtureRequest) -> Iterator[tuple[str, Sandbox]]:
    with start_sandbox(contract=request.param, fill_after=0) as sandbox:
        yield request.param, sandbox


@pytest.fixture
def contract(started: tuple[str, Sandbox]) -> str:
    return started[0]


@pytest.fixture
def duty(
    started: tuple[str, Sandbox],
    ledger_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Duty:
    contract, sandbox = started
    sandbox.admin.reset()
    (tmp_path / "strategies.yaml").write_text(STRATEGIES)

    def connection(url: str, **extra: str) -> str:
        # A busy machine may take longer to connect than production allows.
        return json.dumps({"conn_type": "http", "host": url, "extra": {"connect_timeout_seconds": 12, **extra}})

    environ = {
        "AIRFLOW_CONN_TRADING_LEDGER": ledger_url,
        "AIRFLOW_CONN_SIGNAL_SERVICE": connection(sandbox.signals_url, contract=contract),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": connection(sandbox.gateway_url, contract=contract, account="sandbox"),
        "AIRFLOW_CONN_MARKET_DATA": connection(sandbox.market_url),
        "TRADING_STRATEGIES_FILE": str(tmp_path / "strategies.yaml"),
        "TRADING_POSITION_RECHECK_SECONDS": "0",
    }
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url, contract)
    return Duty(engine, sandbox, environ, capsys, monkeypatch)
