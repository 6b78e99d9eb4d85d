"""Another account behind the same address: a paper account that was reset, or another strategy's gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from include.execution.desk import Desk
from include.execution.duty.account import adopt
from include.execution.duty.corrections import correct
from include.execution.duty.settlement import Verdict, settle
from include.execution.results.look import close_account
from include.execution.steps.track_fills import refresh_orders
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.account.corrections import Quantity
from include.trading.errors import OtherGateway
from tests.support.trading import Trade

ANOTHER = {"id": "8d2f7bb5-9b4f-4c2e-8f7c-000000000001", "account_number": "PA0000000002"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2", alpaca_rate_limit=0) as running:
        yield running


@pytest.fixture(params=["alpaca", "v2"])
def trade(request: pytest.FixtureRequest, ledger_url: str, sandbox: Sandbox) -> Trade:
    return Trade.begin(ledger_url, sandbox, request.param)


def turn_into_another(trade: Trade) -> None:
    trade.admin.reset()
    trade.admin.settings(alpaca_account=ANOTHER, strategy_id="another_strategy")


def bought(trade: Trade) -> str:
    run, order = trade.plan_one()
    trade.submit(order)
    assert trade.engine.track(run).status == "completed"
    return order.symbol


def write_off(desk: Desk, symbol: str) -> object:
    return correct(desk, desk.account, "daily_trading", symbol, Quantity(Decimal(0)), reason="gone")


def adopt_foreign(desk: Desk, symbol: str) -> object:
    return adopt(desk, desk.account, "KO", reason="theirs")


@pytest.mark.parametrize("act", [write_off, adopt_foreign])
def test_what_is_held_is_not_put_right_by_the_word_of_another_account(
    trade: Trade, act: Callable[[Desk, str], object]
) -> None:
    symbol = bought(trade)
    turn_into_another(trade)
    trade.admin.positions(KO=55)

    with trade.engine.desk(actor="ann") as desk, pytest.raises(OtherGateway, match="belongs to the gateway with"):
        act(desk, symbol)

    with trade.engine.ledger() as ledger:
        assert ledger.movements.of_account(trade.engine.account)[symbol] > 0
        assert ledger.books.baseline(trade.engine.account) == {}


@pytest.mark.parametrize("silent", [False, True])
def test_an_open_order_is_not_settled_because_another_account_does_not_know_it(trade: Trade, *, silent: bool) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    _, order = trade.plan_one()
    assert trade.submit(order).state == "open"
    turn_into_another(trade)

    with trade.engine.desk(actor="ann") as desk:
        (done,) = settle(
            desk,
            trade.engine.account,
            [order.client_order_id],
            Verdict("canceled", "not at the broker"),
            gateway_silent=silent,
        ).orders

    assert not done.settled and "belongs to the gateway with" in done.words
    assert trade.order(order).state == "open"


def test_a_run_is_not_closed_against_the_positions_of_another_account(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)
    trade.until_broker_filled()
    with trade.engine.desk() as desk:
        refresh_orders(desk, desk.ledger.orders.live(trade.engine.account))
    turn_into_another(trade)
    trade.admin.positions(**{order.symbol: int(order.quantity)})

    with pytest.raises(OtherGateway):
        trade.engine.track(run)

    assert trade.breaks() == []


def test_the_accounts_own_day_is_not_written_from_another_account(ledger_url: str, sandbox: Sandbox) -> None:
    trade = Trade.begin(ledger_url, sandbox, "alpaca")
    bought(trade)
    trade.admin.reset()
    another: dict[str, Any] = {**ANOTHER, "equity": "777", "last_equity": "777"}
    trade.admin.settings(alpaca_account=another)

    with trade.engine.ledger() as ledger:
        found = close_account(ledger, trade.engine.assembly(), trade.engine.account, [trade.strategy], actor="test")
        days = ledger.results.account_days(trade.engine.account, limit=1)
        alerts = {alert.kind for alert in ledger.alerts.open()}

    assert found.accounts == [] and days == []
    assert any("belongs to the gateway with" in each for each in found.problems), found.problems
    assert "books_not_closed" in alerts
