"""What `make paper` does at an emulator of Alpaca before Airflow trades: whose positions there are, and the plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from include.launcher.errors import CannotRun
from include.launcher.paper_account import PaperAccount
from include.launcher.paper_plan import Desk, settle_positions
from include.launcher.paper_strategy import paper_strategy
from include.sandbox.runner import Sandbox, start_sandbox


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(alpaca_rate_limit=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.admin.reset()
    return running


@pytest.fixture
def desk(sandbox: Sandbox, ledger_url: str, tmp_path: Path) -> Desk:
    (tmp_path / "w.csv").write_text("ticker,weight\nAAPL,0.5\nTSLA,0.25\n")
    account = PaperAccount(*sandbox.alpaca_key, sandbox.alpaca_url, sandbox.alpaca_url)
    file = tmp_path / "strategies.yaml"
    strategy = paper_strategy(file, tmp_path / "w.csv", account, "standing", no_answer)
    ledger = {"AIRFLOW_CONN_TRADING_LEDGER": ledger_url, "TRADING_STRATEGIES_FILE": str(file)}
    return Desk(account.connections | ledger, strategy)


def no_answer(question: str) -> str:
    raise AssertionError(f"nothing is to be asked, it asked {question}")


def orders(plan: str) -> dict[str, str]:
    """Return side and quantity by symbol, of the table that is shown."""
    lines = plan.partition("\nOrders\n")[2].partition("\nTotals")[0].splitlines()[1:]
    rows = [line.split() for line in lines if line.strip()]
    return {symbol: f"{side} {quantity}" for symbol, side, quantity, *_ in rows}


def test_the_plan_is_shown_and_nothing_is_sent(desk: Desk, sandbox: Sandbox) -> None:
    settle_positions(desk, None, no_answer)

    plan = desk.plan(datetime.now(UTC))

    assert {symbol: order.split()[0] for symbol, order in orders(plan).items()} == {"AAPL": "buy", "TSLA": "buy"}
    assert desk.problems() == []
    assert sandbox.admin.book()["posts_total"] == 0


@pytest.mark.parametrize(("answer", "planned"), [("adopt", None), (" Correct\n", "sell 7")])
def test_positions_that_are_there_are_left_alone_or_given_to_the_strategy(
    answer: str, planned: str | None, desk: Desk, sandbox: Sandbox
) -> None:
    sandbox.admin.positions(KO=7, AAPL=3)
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    assert desk.held() == {"AAPL": Decimal(3), "KO": Decimal(7)}
    settle_positions(desk, None, ask)

    assert ["7 KO" in question for question in asked] == [True]
    assert desk.held() == {}
    assert orders(desk.plan(datetime.now(UTC))).get("KO") == planned
    settle_positions(desk, None, no_answer)


def test_another_answer_changes_nothing(desk: Desk, sandbox: Sandbox) -> None:
    sandbox.admin.positions(KO=7)

    with pytest.raises(CannotRun, match="Expected adopt or correct, found 'sell'"):
        settle_positions(desk, "sell", no_answer)

    assert desk.held() == {"KO": Decimal(7)}


def test_positions_that_cannot_be_read_are_one_sentence(desk: Desk, sandbox: Sandbox) -> None:
    sandbox.admin.fault("plain_500", service="alpaca", match={"method": "GET", "path": "/v2/positions"})

    with pytest.raises(CannotRun, match="positions cannot be read"):
        desk.held()
