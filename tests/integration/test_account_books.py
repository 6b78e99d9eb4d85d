"""An account's day where its venue tells what it is worth: what no book explains, over the emulator's sockets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from include.execution.duty.corrections import correct
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.account.corrections import Quantity
from include.trading.ports import CashTeller
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


def explained(days: Days) -> bool:
    day = newest(days)
    return day.unexplained is not None and abs(day.unexplained) <= D("0.05")


def dividends(days: Days) -> Decimal:
    return sum((row.dividends for row in days.rows()), D(0))


def holding(days: Days) -> tuple[str, Decimal]:
    ((symbol, kept),) = days.rows()[-1].symbols.items()
    return symbol, D(kept["quantity"])


def test_a_dividend_that_is_paid_on_its_ex_date_is_counted_once(days: Days) -> None:
    symbol, quantity = holding(days)
    days.sandbox.admin.corporate_action("cash_dividend", symbol, rate="0.25")

    days.close()

    assert dividends(days) == round(quantity * D("0.25"), 2)
    assert (newest(days).others, newest(days).flows, explained(days)) == (0, 0, True)
    with days.engine.ledger() as ledger:
        (kept,) = ledger.results.activities("sandbox", 0, 2**62)
    assert (kept["kind"], kept["symbol"], kept["amount"]) == ("dividend", symbol, dividends(days))


def test_a_dividend_that_is_paid_days_after_its_ex_date_is_counted_once_and_explained_on_both_days(days: Days) -> None:
    symbol, quantity = holding(days)
    due = round(quantity * D("0.25"), 2)
    days.sandbox.admin.corporate_action("cash_dividend", symbol, rate="0.25", at_broker=False)
    days.close()
    assert (dividends(days), newest(days).others, explained(days)) == (due, -due, True)
    days.close()
    days.sandbox.admin.cash("DIV", str(due), symbol=symbol, qty=str(quantity), per_share_amount="0.25")

    days.close()

    assert (dividends(days), newest(days).others, explained(days)) == (due, due, True)
    assert warnings(days) == []


def test_deposits_are_flows_and_fees_and_interest_are_explained_each_once(days: Days) -> None:
    for kind, amount in (("CSD", "5000"), ("CSW", "-750.5"), ("FEE", "-12.34"), ("INT", "-40"), ("JNLC", "10")):
        days.sandbox.admin.cash(kind, amount)

    days.close()

    day = newest(days)
    assert (day.flows, day.others, explained(days)) == (D("4259.50"), D("-52.34"), True)
    days.close()
    day = newest(days)
    assert (day.flows, day.others, explained(days)) == (0, 0, True)
    assert warnings(days) == []


def test_a_cost_of_a_symbol_that_one_strategy_alone_had_is_in_its_book_and_every_other_is_the_accounts(
    days: Days,
) -> None:
    symbol, _ = holding(days)
    for amount, named in (("-1.25", symbol), ("-3", "ZZZZ"), ("-0.40", None)):
        days.sandbox.admin.cash("FEE", amount, symbol=named)
    days.sandbox.admin.cash("DIVNRA", "-2", symbol=symbol)

    days.close()

    row = days.rows()[-1]
    assert (row.fees, newest(days).others, explained(days)) == (D("3.25"), D("-3.40"), True)
    assert row.equity == row.equity_before + row.result + row.flows
    # Another strategy has the symbol from now on, and what is listed for it names none of the two.
    with days.engine.desk() as desk:
        correct(desk, "sandbox", "another", symbol, Quantity(D(1)), reason="bought by hand", against_gateway=True)
    days.sandbox.admin.cash("FEE", "-0.75", symbol=symbol)

    days.close()

    assert (days.rows()[-1].fees, newest(days).others) == (0, D("-0.75"))


def test_an_account_whose_cash_list_fails_is_closed_once_it_answers_and_its_books_do_not_wait(days: Days) -> None:
    days.sandbox.admin.cash("CSD", "5000")
    first = newest(days)
    days.sandbox.admin.fault("plain_500", service="alpaca", match={"method": "GET", "path": "/v2/account/activities"})
    days.go_to(days.session.close + timedelta(minutes=20))

    found = days.close_again()

    assert (len(found.days), len(found.problems), newest(days)) == (1, 1, first)
    days.sandbox.admin.clear_faults()
    assert days.close_again().problems == []
    assert (newest(days).flows, explained(days)) == (5000, True)


def test_more_cash_activities_than_a_page_holds_are_all_read(days: Days) -> None:
    for number in range(1, 102):
        days.sandbox.admin.cash("FEE", f"-{number}")

    with days.engine.desk() as desk:
        assert isinstance(desk.gateway, CashTeller)
        found = desk.gateway.cash_activities(days.session.day)

    assert [activity.amount for activity in found] == [-number for number in range(1, 102)]
    assert {activity.kind for activity in found} == {"fee"}
