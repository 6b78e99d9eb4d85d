"""A ledger from a backup that is older than the day's orders: the venue has them, and gets none of them twice."""

from __future__ import annotations

import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from include.launcher.postgres_install import find_bin
from include.ops.main import main
from include.sandbox.runner import Sandbox
from include.trading.errors import TradingError
from tests.support.trading import Trade


@pytest.fixture
def trade(contract: str, request: pytest.FixtureRequest, ledger_url: str) -> Trade:
    sandbox: Sandbox = request.getfixturevalue("v1" if contract == "v1" else "v2")
    return Trade.begin(ledger_url, sandbox, contract)


def back_to_before(trade: Trade, backup: Path) -> None:
    """Bring the ledger back from the backup, and let a person who saw nothing of it end the halt."""
    url = trade.engine.ledger_url
    subprocess.run([find_bin() / "pg_restore", "--exit-on-error", "--clean", f"--dbname={url}", backup], check=True)
    with trade.engine.ledger():
        pass
    words = ["resume", "--account", trade.engine.account, "--by", "ada", "--reason", "restored"]
    assert main(words, {"AIRFLOW_CONN_TRADING_LEDGER": url}) == 0


@pytest.mark.parametrize(("contract", "filled"), [("v1", False), ("v2", False), ("v2", True), ("alpaca", False)])
def test_what_the_venue_has_from_before_the_backup_was_restored_is_not_sent_again(
    trade: Trade, tmp_path: Path, filled: bool
) -> None:
    if not filled:
        trade.admin.settings(fill_after_seconds=3600)
    with trade.engine.ledger() as ledger:
        ledger.accounts.ensure(trade.engine.account)
    backup = tmp_path / "ledger.dump"
    dump = [find_bin() / "pg_dump", "--format=custom", f"--file={backup}", trade.engine.ledger_url]
    subprocess.run(dump, check=True)
    _, order = trade.plan_one()
    trade.submit(order)
    if filled:
        trade.until_broker_filled()
    (at_broker,) = trade.broker_orders()

    back_to_before(trade, backup)
    try:
        _, again = trade.plan("after")
        for each in again:
            trade.submit(each)
    except TradingError:
        # It may stop and ask for a person.
        pass

    assert [each["qty"] for each in trade.broker_orders()] == [at_broker["qty"]]
    assert Decimal(at_broker["qty"]) == order.quantity
