"""A plan is made from one state of the books: what is booked between its reads never makes an order too many."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal

import pytest

from include.execution import faultpoints as points
from include.execution.steps.track_fills import refresh_orders
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.strategies import changed
from tests.support.trading import Trade

PLAN_POINTS = ("before_positions", "after_positions", "before_freeze", "account_locked")


@pytest.fixture(params=["v1", "v2"])
def trade(request: pytest.FixtureRequest, ledger_url: str) -> Trade:
    trade = Trade.begin(ledger_url, request.getfixturevalue(request.param), request.param)
    trade.admin.settings(fill_after_seconds=3600)
    return trade


def fill(trade: Trade, order: Intent, quantity: int) -> None:
    """Let the broker fill so much more of an order, and book it over a connection of its own."""
    trade.admin.order(order.gateway_order_id or "", fill=quantity)
    with trade.engine.desk(actor="another worker") as desk:
        refresh_orders(desk, desk.ledger.orders.live(order.account))


def lines(trade: Trade, run: Run) -> dict[str, tuple[str, str | None]]:
    with trade.engine.ledger() as ledger:
        return {row["symbol"]: (row["outcome"], row["skip_reason"]) for row in ledger.runs.mappings(run.run_id)}


@pytest.mark.parametrize("point", PLAN_POINTS)
def test_a_fill_booked_while_the_next_revision_is_planned_is_not_bought_again(
    trade: Trade, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, order = trade.plan_one()
    order = trade.submit(order)
    booking: list[Future[None]] = []

    with ThreadPoolExecutor(1) as pool, trade.engine.ledger() as watcher:

        def book(reached: str) -> None:
            if reached != point or booking:
                return
            booking.append(pool.submit(fill, trade, order, order.quantity))
            while not booking[0].done() and not waits_for_a_lock():
                pass

        def waits_for_a_lock() -> bool:
            return bool(
                watcher.connection.execute(
                    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                ).fetchall()
            )

        with monkeypatch.context() as patch:
            patch.setattr(points, "on_reach", book)
            run, orders = trade.plan("two", revision=2)
        booking[0].result()

    assert orders == []
    assert lines(trade, run)[order.symbol] == ("unchanged", None)
    with trade.engine.ledger() as ledger:
        held = ledger.movements.held(order.account, strategy_id=order.strategy_id, mode="paper")
    assert held == {order.symbol: Decimal(order.quantity)}


def test_a_symbol_whose_book_never_stands_still_gets_no_order_and_the_others_do(
    trade: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    trade.strategy = changed(trade.strategy, symbols=("AAPL", "KO", "MSFT"), top_n=2)
    _, intents = trade.plan()
    order = trade.submit(intents[0])

    with monkeypatch.context() as patch:
        patch.setattr(points, "on_reach", lambda point: point == "before_freeze" and fill(trade, order, 1))
        run, orders = trade.plan("two", revision=2)

    assert lines(trade, run)[order.symbol] == ("skipped", "book_moved")
    assert [(other.symbol, other.quantity) for other in orders] == [(intents[1].symbol, intents[1].quantity)]


def test_each_change_of_a_filled_quantity_is_a_movement_of_its_difference(trade: Trade) -> None:
    _, order = trade.plan_one()
    order = trade.submit(order)

    fill(trade, order, 3)
    fill(trade, order, 4)

    with trade.engine.ledger() as ledger:
        moved = ledger.connection.execute("SELECT quantity, kind, intent_id FROM movements ORDER BY id").fetchall()
    assert moved == [
        {"quantity": Decimal(3), "kind": "fill", "intent_id": order.id},
        {"quantity": Decimal(4), "kind": "fill", "intent_id": order.id},
    ]
