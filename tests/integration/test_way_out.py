"""What is held stays when nothing was said of it, and a person can always close it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from include.execution.duty.replan import replan
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import InvalidData
from include.trading.run.row import Run
from include.trading.strategy.limits import Limits
from tests.support.strategies import changed
from tests.support.trading import Trade


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    return Trade.begin(ledger_url, sandbox, "v2")


def run(trade: Trade, name: str, **params: object) -> Run:
    return trade.engine.run(name, trade.strategy, **params)


def held(trade: Trade) -> dict[str, Decimal]:
    return {symbol: Decimal(quantity) for symbol, quantity in trade.admin.book()["positions"].items() if quantity}


def open_alerts(trade: Trade) -> dict[str, str]:
    with trade.engine.ledger() as ledger:
        return {alert.kind: alert.message for alert in ledger.alerts.open()}


def test_a_symbol_that_the_answer_leaves_out_keeps_its_holding_until_a_signal_comes(trade: Trade) -> None:
    trade.strategy = changed(trade.strategy, top_n=2)
    run(trade, "buys")
    bought = held(trade)
    assert set(bought) == {"AAPL", "KO"}
    trade.admin.fault("missing_symbol", match={"symbol": "AAPL"})

    left_out = run(trade, "left out", revision=2)

    assert held(trade) == bought
    assert left_out.status == "partial"
    with trade.engine.ledger() as ledger:
        (story,) = (row for row in ledger.runs.mappings(left_out.run_id) if row["symbol"] == "AAPL")
    assert (story["outcome"], story["skip_reason"]) == ("skipped", "signal_missing")
    assert f"AAPL ({bought['AAPL']} held)" in open_alerts(trade)["signals_missing"]

    trade.admin.clear_faults()
    assert run(trade, "whole", revision=3).status == "completed"
    assert "signals_missing" not in open_alerts(trade)


@pytest.mark.parametrize("broken", ["no market data", "stale prices", "a far price"])
def test_a_person_can_close_everything_whatever_the_prices_say(trade: Trade, broken: str) -> None:
    trade.strategy = trade.strategy.model_copy(update={"limits": Limits(price_distance=Decimal("0.05"))})
    run(trade, "buys")
    assert held(trade)
    if broken == "no market data":
        trade.admin.fault("refuse_connections", service="market")
    elif broken == "stale prices":
        trade.admin.fault("price_stale")
    else:
        trade.admin.fault("price_is", price=1)

    flat = run(trade, "flat", flatten=True, revision=2, reason="the model is wrong", capital=1)

    assert (flat.status, held(trade)) == ("completed", {})
    assert flat.summary is not None
    assert "revision 2" in flat.summary
    assert flat.summary.endswith("(reason: the model is wrong)")
    assert "reductions are sent anyway" in open_alerts(trade)["far_price"]

    trade.admin.clear_faults()
    assert run(trade, "again", revision=3).status == "completed"
    assert "far_price" not in open_alerts(trade)


def test_what_one_run_has_no_tasks_for_is_closed_by_the_next_revision(trade: Trade) -> None:
    trade.strategy = changed(trade.strategy, symbols=("AAPL", "KO", "MSFT"), top_n=3)
    run(trade, "buys")
    assert len(held(trade)) == 3
    trade.engine = replace(trade.engine, most_orders=2)

    with pytest.raises(InvalidData, match="orders for 3 symbols, Airflow maps at most 2 tasks"):
        run(trade, "refused", revision=2, max_position_size=5000)
    first = run(trade, "first", flatten=True, revision=2)

    assert (first.status, len(held(trade))) == ("partial", 1)
    assert "1 denied" in (first.summary or "")
    with trade.engine.ledger() as ledger:
        assert replan(ledger, first.run_id).differences == ()

    assert run(trade, "second", flatten=True, revision=3).status == "completed"
    assert held(trade) == {}


def test_the_ledger_knows_the_last_price_of_what_was_planned_or_filled(trade: Trade) -> None:
    run(trade, "buys")
    (symbol,) = held(trade)

    with trade.engine.ledger() as ledger:
        known = ledger.orders.last_prices(trade.engine.account, [symbol, "NVDA"])
        others = ledger.orders.last_prices("another", [symbol])

    assert set(known) == {symbol}
    assert known[symbol].price > 0
    assert others == {}
