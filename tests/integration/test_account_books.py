"""An account's day where its venue tells what it is worth: what no book explains, over the emulator's sockets."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.results.row import AccountDay
from tests.integration.test_day_books import Days
from tests.support.trading import Trade

D = Decimal
CASH = D(100_000)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2", alpaca_rate_limit=0) as running:
        yield running


@pytest.fixture
def days(ledger_url: str, sandbox: Sandbox) -> Days:
    """A strategy at Alpaca that bought something, whose first day is closed; the next session is open."""
    found = Days(Trade.begin(ledger_url, sandbox, "alpaca"), sandbox)
    found.run()
    found.close()
    return found


def newest(days: Days) -> AccountDay:
    with days.engine.ledger() as ledger:
        return ledger.results.account_days("sandbox", limit=1)[0]


def warnings(days: Days) -> list[Any]:
    with days.engine.ledger() as ledger:
        return [alert for alert in ledger.alerts.open() if alert.kind == "unexplained_cash"]


def told(days: Days, cash: Decimal) -> AccountDay:
    """Change the broker's cash, which no book knows of, close a session, and return the account's day."""
    days.sandbox.admin.settings(alpaca_cash=str(cash))
    days.run()
    assert days.close().problems == []
    return newest(days)


def test_a_day_on_which_nothing_else_happened_is_explained_to_the_cent_of_each_fill(days: Days) -> None:
    assert newest(days).unexplained is None

    day = told(days, CASH)

    assert day.unexplained is not None
    assert abs(day.unexplained) <= D("0.05")
    assert day.equity == day.cash + days.rows()[-1].net
    assert set(day.prices) == set(days.rows()[-1].symbols)
    assert warnings(days) == []


def test_what_no_book_explains_is_a_warning_until_a_day_is_explained_and_trading_goes_on(days: Days) -> None:
    day = told(days, CASH + 500)

    assert day.unexplained is not None
    assert abs(day.unexplained - 500) <= D("0.05")
    assert [alert.severity for alert in warnings(days)] == ["warning"]
    assert days.trade.account().state == "active"
    assert days.trade.breaks() == []
    # `told` runs a session and expects it to be completed.
    told(days, CASH + 500)
    assert warnings(days) == []


def test_a_difference_within_the_limit_is_kept_and_not_warned_about(days: Days) -> None:
    day = told(days, CASH + 8)

    assert day.unexplained is not None
    assert abs(day.unexplained - 8) <= D("0.05")
    assert warnings(days) == []


def test_a_holding_without_a_close_is_valued_by_the_venue_and_named(days: Days) -> None:
    days.sandbox.admin.positions(ZZZZ=3)

    day = told(days, CASH)

    assert (day.prices, "ZZZZ" in day.words) == ({}, True)
