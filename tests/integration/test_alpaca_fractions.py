"""Parts of a share and what may be traded at all, over sockets against Alpaca's emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.adapters.venues.alpaca import client
from include.execution.duty.audit import audit
from include.execution.preflight import blockers, check
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import Halted, InvalidData, TradingError, Unauthorized
from include.trading.run.row import Run
from include.trading.strategy.file import StrategyFile
from include.trading.strategy.spec import Strategy
from tests.support.engine import sandbox_strategy
from tests.support.trading import Trade


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(alpaca_rate_limit=0) as running:
        yield running


def fractional(**changes: Any) -> Strategy:
    values = {"symbols": ("AAPL", "KO"), "top_n": 1, "bottom_n": 0, "quantities": "fractional", "capital": 1000}
    return sandbox_strategy(**values | {"max_position_size": 1000} | changes)


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    begun = Trade.begin(ledger_url, sandbox, "alpaca")
    begun.strategy = fractional()
    return begun


def rows(trade: Trade, run: Run) -> dict[str, dict[str, Any]]:
    with trade.engine.ledger() as ledger:
        return {row["symbol"]: row for row in ledger.runs.mappings(run.run_id)}


def found_by_check(trade: Trade) -> list[str]:
    with trade.engine.ledger() as ledger:
        file = StrategyFile(strategies=(trade.strategy,), problems=())
        return [stop.value for stop in blockers(check(ledger, file, trade.engine.assembly(), ledger.now()))]


def held(trade: Trade, symbol: str) -> Decimal:
    with trade.engine.ledger() as ledger:
        book = ledger.movements.held(trade.engine.account, strategy_id="daily_trading", mode="paper")
    return book.get(symbol, Decimal(0))


def test_a_part_of_a_share_is_bought_booked_and_sold_to_the_last_one_and_planned_once(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)
    first = trade.engine.track(run)
    again = trade.plan("again", revision=2)[1]
    trade.strategy = fractional(quantities="whole")
    closing, (sale,) = trade.plan("closing", revision=3, flatten=True)
    trade.submit(sale)
    last = trade.engine.track(closing)

    assert order.quantity % 1 != 0
    assert order.quantity * order.price <= 1000 < (order.quantity + Decimal("0.000000001")) * order.price
    assert (first.status, last.status) == ("completed", "completed")
    assert again == []
    assert (sale.side, sale.quantity) == ("sell", order.quantity)
    assert [Decimal(each["qty"]) for each in trade.broker_orders()] == [order.quantity, order.quantity]
    assert (held(trade, order.symbol), trade.breaks(), trade.account().state) == (0, [], "active")


@pytest.mark.parametrize("fault", ["reset_after_accept", "error_5xx_after_accept"])
def test_a_part_of_a_share_whose_answer_got_lost_is_found_again_and_sent_once(trade: Trade, fault: str) -> None:
    trade.admin.fault(fault, service="alpaca", times=1)
    run, order = trade.plan_one()
    for _ in range(3):
        with suppress(TradingError):
            trade.submit(order)

    assert trade.engine.track(run).status == "completed"
    assert (len(trade.broker_orders()), trade.order(order).state) == (1, "filled")
    assert trade.order(order).filled_quantity == order.quantity


def test_the_books_of_parts_of_a_share_pass_the_audit(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)
    trade.engine.track(run)

    with trade.engine.desk() as desk:
        done = audit(desk.ledger, desk.reader, trade.engine.account, date.min, date.max)

    assert (done.not_asked, done.count("violation"), done.orders) == (None, 0, 1)


def test_dust_stays_and_the_row_says_why(trade: Trade) -> None:
    trade.strategy = fractional(capital=2, max_position_size=2)
    run, order = trade.plan_one()
    trade.submit(order)
    trade.engine.track(run)
    trade.admin.fault("price_is", match={"symbol": order.symbol}, price=str(round(order.price / 3, 2)))

    closing, orders = trade.plan("closing", revision=2, flatten=True)

    story = rows(trade, closing)[order.symbol]
    assert (orders, story["outcome"], story["skip_reason"]) == ([], "skipped", "dust_stays")
    assert "are less than 1 USD" in story["detail"]
    assert (trade.posts(), held(trade, order.symbol)) == (1, order.quantity)


def test_a_gateway_takes_no_strategy_that_trades_parts_of_a_share(ledger_url: str, sandbox: Sandbox) -> None:
    trade = Trade.begin(ledger_url, sandbox, "v2")
    trade.strategy = fractional()

    stops = found_by_check(trade)
    with pytest.raises(InvalidData, match="expected quantities: whole") as refused:
        trade.plan()

    assert str(refused.value) in stops
    assert trade.posts() == 0


def test_a_part_of_a_share_that_may_not_be_says_so_and_sends_nothing(trade: Trade) -> None:
    trade.strategy = fractional(capital=5, max_position_size=5)
    trade.admin.settings(alpaca_assets={symbol: {"fractionable": False} for symbol in ("AAPL", "KO")})

    run, orders = trade.plan()

    (why,) = {row["detail"] for row in rows(trade, run).values() if row["outcome"] == "skipped"}
    assert why == "The amount buys less than one share, and the symbol is not traded in parts of one."
    assert (orders, trade.posts()) == ([], 0)


def test_an_unknown_symbol_says_so_and_sends_nothing(trade: Trade) -> None:
    trade.admin.settings(alpaca_assets={symbol: {"listed": False} for symbol in ("AAPL", "KO")})

    stops = found_by_check(trade)
    run, orders = trade.plan()

    (denied,) = (row for row in rows(trade, run).values() if row["outcome"] == "denied")
    assert (denied["skip_reason"], orders, trade.posts()) == ("not_tradable", [], 0)
    assert denied["detail"] == f"not_tradable: the venue knows no symbol {denied['symbol']}"
    assert "0 of 2 may be traded; unknown: AAPL, KO" in stops


def test_a_short_that_is_hard_to_borrow_is_not_sent(trade: Trade) -> None:
    trade.strategy = fractional(top_n=0, bottom_n=1)
    trade.admin.settings(alpaca_assets={symbol: {"easy_to_borrow": False} for symbol in ("AAPL", "KO")})

    run, orders = trade.plan()

    (denied,) = (row for row in rows(trade, run).values() if row["outcome"] == "denied")
    assert (denied["skip_reason"], orders, trade.posts()) == ("hard_to_borrow", [], 0)


def test_a_venue_that_does_not_say_what_may_be_traded_is_sent_reductions_only(trade: Trade) -> None:
    run, order = trade.plan_one()
    trade.submit(order)
    trade.engine.track(run)
    trade.admin.fault("plain_500", service="alpaca", match={"method": "GET", "path": f"/v2/assets/{order.symbol}"})

    larger = replace(trade, strategy=fractional(capital=2000, max_position_size=2000))
    more, denied = larger.plan("more", revision=2)
    _, (sale,) = trade.plan("closing", revision=3, flatten=True)

    assert (denied, rows(trade, more)[order.symbol]["skip_reason"]) == ([], "not_tradable")
    assert (sale.side, sale.quantity) == ("sell", order.quantity)


@pytest.mark.parametrize("mode", ["dry_run", "paper"])
def test_alpaca_has_no_dry_run_and_says_so_before_anything_is_sent(trade: Trade, mode: Any) -> None:
    trade.strategy = fractional(mode=mode)

    with pytest.raises(InvalidData, match="no dry run"):
        trade.plan(mode="dry_run")

    said = [stop for stop in found_by_check(trade) if "no dry run" in stop]
    assert len(said) == (mode == "dry_run")
    assert trade.posts() == 0


def test_wrong_keys_say_so_and_send_nothing(trade: Trade) -> None:
    trade.engine = replace(trade.engine, alpaca_key=("WRONG", "KEY"))

    with pytest.raises(Unauthorized, match="check API key id"):
        trade.plan()

    assert trade.posts() == 0


def test_a_blocked_account_says_so_and_is_sent_nothing(trade: Trade) -> None:
    trade.admin.settings(alpaca_account={"account_blocked": True})

    with pytest.raises(Halted, match="send nothing: account_blocked"):
        trade.plan()

    assert trade.posts() == 0


def test_too_little_buying_power_says_so_and_sends_nothing(trade: Trade) -> None:
    trade.strategy = fractional(quantities="whole")
    trade.admin.settings(alpaca_account={"buying_power": "0.5"})

    run, orders = trade.plan()

    (denied,) = (row for row in rows(trade, run).values() if row["outcome"] == "denied")
    assert (denied["skip_reason"], orders, trade.posts()) == ("buying_power", [], 0)
    assert "0.5 USD of buying power are left" in denied["detail"]


def test_live_keys_under_a_paper_host_say_so_and_send_nothing(trade: Trade, monkeypatch: pytest.MonkeyPatch) -> None:
    # In place of a name server that leads the vendor's own host to the emulator.
    monkeypatch.setattr(client, "HOSTS", {"127.0.0.1": "paper"})
    trade.admin.settings(alpaca_account={"account_number": "123456789"})

    with pytest.raises(InvalidData, match="is Alpaca's for paper, the account 123456789 is a live account"):
        trade.plan()

    assert any("correct the host or the keys; nothing is sent" in stop for stop in found_by_check(trade))
    assert trade.posts() == 0


def test_many_symbols_are_read_from_the_lists_once_and_an_unknown_one_by_itself(trade: Trade) -> None:
    symbols = ["AAPL", "KO", *(f"GEN{number:03}" for number in range(1, 40)), "NOSUCH"]

    with trade.engine.desk() as desk:
        told = desk.gateway.assets(symbols)
        trade.admin.fault("plain_500", service="alpaca", match={"method": "GET"})
        again = desk.gateway.assets(symbols)

    assert told is not None
    assert (list(told), told == again) == (symbols, True)
    assert [symbol for symbol, facts in told.items() if facts is None] == ["NOSUCH"]
