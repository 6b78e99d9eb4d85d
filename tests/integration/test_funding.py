"""On a cash account increases wait for the plan's reductions, and for no longer than the sending window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.execution.orders.funding import after_reductions
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.engine import Engine
from tests.support.strategies import changed
from tests.support.trading import Trade


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    """Two holdings, one of which the next plan sells to buy more of the other; nothing fills by itself any more."""
    trade = Trade.begin(ledger_url, sandbox, "v2")
    trade.strategy = changed(trade.strategy, top_n=2, orders={"reductions_first": "always"})
    trade.engine.run("buys", trade.strategy)
    trade.strategy = changed(trade.strategy, top_n=1, max_position_size=20_000)
    trade.admin.settings(fill_after_seconds=3600)
    return trade


def rotation(trade: Trade) -> tuple[Run, Intent, Intent]:
    run, (sale, purchase) = trade.plan("rotates", revision=2)
    assert (sale.side, sale.reduces, purchase.side, purchase.reduces) == ("sell", True, "buy", False)
    return run, sale, purchase


def answer(engine: Engine, order: Intent) -> str:
    with engine.desk() as desk:
        return after_reductions(desk, order.plan_id, order.client_order_id)


def test_a_purchase_waits_until_the_sale_is_filled(trade: Trade) -> None:
    _, sale, purchase = rotation(trade)

    assert answer(trade.engine, sale) == "go"
    assert answer(trade.engine, purchase) == "wait"
    sent = trade.submit(sale)
    assert answer(trade.engine, purchase) == "wait"

    assert sent.gateway_order_id is not None
    trade.admin.order(sent.gateway_order_id, fill=int(sent.quantity))
    assert answer(trade.engine, purchase) == "go"
    assert trade.order(sale).state == "filled"
    assert trade.submit(purchase).state == "open"


def test_a_sale_that_ends_unfilled_holds_nothing_up(trade: Trade) -> None:
    _, sale, purchase = rotation(trade)
    trade.admin.settings(reject={sale.symbol: "not today"})

    assert trade.submit(sale).state == "rejected"

    assert answer(trade.engine, purchase) == "go"


def test_a_purchase_whose_sale_never_fills_is_not_sent_when_the_window_ends(trade: Trade) -> None:
    _, sale, purchase = rotation(trade)
    trade.submit(sale)
    posts = trade.posts()
    late = trade.later()

    assert answer(late, purchase) == "go"
    assert late.submit(purchase.client_order_id).state == "not_sent"

    kept = trade.order(purchase)
    assert (kept.state, kept.reason) == ("not_sent", "reductions_open")
    assert trade.posts() == posts


def test_a_closed_plan_and_an_order_that_was_sent_wait_for_nothing(trade: Trade) -> None:
    _, _, purchase = rotation(trade)
    trade.plan("again", revision=3)

    assert answer(trade.engine, purchase) == "go"
    assert trade.order(purchase).state == "not_sent"
