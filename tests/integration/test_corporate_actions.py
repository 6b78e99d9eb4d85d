"""A split, a new symbol, a dividend and a merger over sockets: nothing is traded wrongly, no result is made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from include.execution.results.actions import apply_action, dismiss_action
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import InvalidData
from include.trading.run.row import Run
from tests.integration.test_day_books import Days
from tests.support.trading import Trade

D = Decimal


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def days(ledger_url: str, sandbox: Sandbox, request: pytest.FixtureRequest) -> Days:
    """A strategy that bought AAPL, whose first day is closed; the next session is open."""
    found = Days(Trade.begin(ledger_url, sandbox, getattr(request, "param", "v2")), sandbox)
    found.run()
    found.close()
    return found


def held(days: Days) -> dict[str, Decimal]:
    with days.engine.ledger() as ledger:
        return ledger.movements.held("sandbox", strategy_id="daily_trading", mode="paper")


def symbol_of(days: Days) -> str:
    (symbol,) = held(days)
    return symbol


def open_actions(days: Days) -> list[tuple[int, str]]:
    with days.engine.ledger() as ledger:
        rows = ledger.actions.listed(accounts=["sandbox"], only_open=True, limit=10)
    return [(row["id"], row["state"]) for row in rows]


def open_kinds(days: Days) -> set[str]:
    with days.engine.ledger() as ledger:
        return {alert.kind for alert in ledger.alerts.open()}


def reasons(days: Days, run: Run) -> dict[str, str]:
    with days.engine.ledger() as ledger:
        return {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}


def plan(days: Days, name: str, **changes: Any) -> Run:
    return days.engine.run(name, days.trade.strategy.model_copy(update=changes))


@pytest.mark.parametrize("days", ["v2", "alpaca"], indirect=True)
def test_a_split_is_proposed_traded_around_and_booked_by_one_click(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, old_rate=1)

    blocked = plan(days, "before the click")

    assert reasons(days, blocked)[symbol] == "corporate_action"
    assert held(days) == before
    ((action, state),) = open_actions(days)
    assert state == "proposed"
    assert "corporate_action" in open_kinds(days)
    with days.engine.desk() as desk:
        (done,) = apply_action(desk, "sandbox", action, reason="seen at the broker")
        with pytest.raises(InvalidData, match="expected it to be proposed, it is applied"):
            apply_action(desk, "sandbox", action, reason="again")
    assert held(days) == {symbol: 10 * before[symbol]}
    assert (done.kind, done.differences) == ("ratio", {})
    assert open_actions(days) == []
    assert not open_kinds(days) & {"corporate_action", "blocked_symbol"}


def test_a_split_that_may_be_applied_is_booked_before_the_plan_and_changes_no_result(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, old_rate=1)
    days.trade.strategy = days.trade.strategy.model_copy(update={"corporate_actions": "apply"})

    run = plan(days, "the ex-date")

    # The target is the same worth: nothing is bought or sold because of the split.
    with days.engine.ledger() as ledger:
        row = next(row for row in ledger.runs.mappings(run.run_id) if row["symbol"] == symbol)
    assert row["held_quantity"] == 10 * before[symbol]
    assert abs(row["delta_quantity"] or 0) < before[symbol]
    days.close()
    first, second = days.rows()
    assert D(second.symbols[symbol]["quantity"]) == held(days)[symbol]
    # Without the split the day would have made as much: shares at the closes of old shares.
    price = D(second.symbols[symbol]["price"]) * 10
    earned = before[symbol] * (price - D(first.symbols[symbol]["price"]))
    traded = sum(abs(line["amount"]) for line in days.lines() if line["session_date"] == second.session_date)
    assert abs(second.result - earned) <= D("0.05") + traded
    assert second.corrected == 0


def test_a_split_that_is_not_booked_yet_changes_no_result_either(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, old_rate=1)
    plan(days, "blocked")

    days.close()

    first, second = days.rows()
    assert D(second.symbols[symbol]["quantity"]) == before[symbol]
    assert abs(second.result) < first.gross / 5


def test_a_split_that_only_the_venue_or_only_the_vendor_knows_is_never_booked_by_itself(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, old_rate=1, at_broker=False)
    days.trade.strategy = days.trade.strategy.model_copy(update={"corporate_actions": "apply"})

    run = plan(days, "the venue shows the old shares")

    assert reasons(days, run)[symbol] == "corporate_action"
    ((action, state),) = open_actions(days)
    assert state == "blocked"
    assert held(days) == before
    with days.engine.ledger() as ledger:
        dismiss_action(ledger, "sandbox", action, actor="ann", reason="the vendor took it back")
    assert open_actions(days) == []


def test_a_new_symbol_is_proposed_and_the_holding_moves(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("name_change", symbol, new_symbol="NEWCO")
    plan(days, "blocked")
    ((action, state),) = open_actions(days)
    assert state == "proposed"

    with days.engine.desk() as desk:
        apply_action(desk, "sandbox", action, reason="seen at the broker")

    assert held(days) == {"NEWCO": before[symbol]}
    days.close()
    row = days.rows()[-1]
    assert row.symbols["NEWCO"]["quantity"] != "0"
    assert row.corrected == 0


def test_a_dividend_is_result_of_its_ex_date_and_blocks_nothing(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("cash_dividend", symbol, rate="0.25")

    run = plan(days, "the ex-date")

    assert reasons(days, run).get(symbol) != "corporate_action"
    days.close()
    row = days.rows()[-1]
    assert row.dividends == round(before[symbol] * D("0.25"), 2)
    assert row.equity == row.equity_before + row.result + row.flows


def test_a_dividend_that_is_announced_late_is_a_line_of_the_next_day_on_what_was_held_before_its_ex_date(
    days: Days,
) -> None:
    symbol, before, ex_date = symbol_of(days), held(days), days.session.day
    days.sandbox.admin.corporate_action("cash_dividend", symbol, rate="0.25")
    days.sandbox.admin.fault("plain_500", service="market", match={"path": "/v1/corporate-actions"})
    days.close()
    assert days.rows()[-1].dividends == 0
    days.sandbox.admin.clear_faults()

    days.close()
    days.close()

    due = round(before[symbol] * D("0.25"), 2)
    assert [row.dividends for row in days.rows()[-2:]] == [due, 0]
    (line,) = [line for line in days.lines() if line["kind"] == "dividend"]
    assert (line["amount"], line["of_session"]) == (due, ex_date)


def test_a_merger_blocks_its_symbol_and_says_what_each_side_shows(days: Days) -> None:
    symbol = symbol_of(days)
    days.sandbox.admin.corporate_action("cash_merger", symbol, rate="12.5")

    run = plan(days, "the effective date")

    assert reasons(days, run)[symbol] == "corporate_action"
    with days.engine.ledger() as ledger:
        (row,) = ledger.actions.listed(accounts=["sandbox"], only_open=True, limit=10)
        assert row["state"] == "blocked"
        assert f"cash merger of {symbol}" in row["words"]
    with days.engine.desk() as desk, pytest.raises(InvalidData, match="expected it to be proposed"):
        apply_action(desk, "sandbox", row["id"], reason="no")


def test_while_nothing_is_known_of_actions_what_is_held_is_not_increased(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.fault("plain_500", service="market", match={"path": "/v1/corporate-actions"})

    run = plan(days, "more capital", capital=D(150000), max_position_size=D(15000))

    assert held(days)[symbol] <= before[symbol]
    assert reasons(days, run)[symbol] == "corporate_actions"


UNREADABLE: dict[str, dict[str, Any]] = {
    "reverse_split": {"new_rate": 1, "old_rate": 10**13},
    "cash_dividend": {"rate": "1000000000000"},
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_announcement_that_cannot_be_kept_blocks_its_symbol_until_it_is_corrected(days: Days, kind: str) -> None:
    symbol, day = symbol_of(days), days.session.day
    announced = {"id": "slip", "ex_date": str(day), "at_broker": False, "in_prices": False}
    days.sandbox.admin.corporate_action(kind, symbol, **announced, **UNREADABLE[kind])

    run = plan(days, "the ex-date")

    assert reasons(days, run)[symbol] == "corporate_action"
    with days.engine.ledger() as ledger:
        (row,) = ledger.actions.listed(accounts=["sandbox"], only_open=True, limit=10)
    assert row["state"] == "blocked"
    assert f"unreadable {kind.replace('_', ' ')} of {symbol}, ex {day} (" in row["words"]
    days.close()
    assert days.rows()[-1].dividends == 0
    days.sandbox.admin.corporate_action("cash_dividend", symbol, **announced, rate="0.25")
    assert reasons(days, plan(days, "put right")).get(symbol) != "corporate_action"
    assert open_actions(days) == []
    assert "corporate_action" not in open_kinds(days)


def test_a_strategy_is_flattened_past_an_announcement_that_cannot_be_kept(days: Days) -> None:
    held_one = symbol_of(days)
    other = next(symbol for symbol in days.trade.strategy.symbols if symbol != held_one)
    days.sandbox.admin.corporate_action("cash_dividend", other, at_broker=False, rate="1000000000000")

    days.engine.run("flat", days.trade.strategy, flatten=True, reason="the model is wrong")

    assert held(days) == {}


@pytest.mark.parametrize("is_held", [True, False])
def test_a_symbol_whose_actions_are_refused_is_alone_not_increased(days: Days, is_held: bool) -> None:
    symbol, before = symbol_of(days), held(days)
    refused = symbol if is_held else next(each for each in days.trade.strategy.symbols if each != symbol)
    match = {"path": "/v1/corporate-actions", "symbol": refused}
    days.sandbox.admin.fault("invalid_symbol_400", service="market", times=None, match=match)

    run = plan(days, "more capital", capital=D(150000), max_position_size=D(15000))

    assert (reasons(days, run)[symbol] == "corporate_actions") is is_held
    assert (held(days)[symbol] > before[symbol]) is not is_held


def test_what_was_announced_of_a_symbol_stands_while_its_actions_are_refused(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.corporate_action("cash_dividend", symbol, rate="0.25", at_broker=False)
    days.close()
    # What is held is asked for, and a symbol beside it that is not refused.
    match = {"path": "/v1/corporate-actions", "symbol": symbol}
    days.sandbox.admin.fault("invalid_symbol_400", service="market", times=None, match=match)

    plan(days, "refused")
    days.close()

    assert [row.dividends for row in days.rows()[-2:]] == [round(before[symbol] * D("0.25"), 2), 0]
    with days.engine.ledger() as ledger:
        (kept,) = ledger.actions.dividends(date.min, date.max)
    assert kept.symbol == symbol
