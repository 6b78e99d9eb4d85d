"""Corporate actions through Alpaca's emulator, and what may go wrong with them: nothing is traded wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest

from include.execution.duty.corrections import correct, undo
from include.execution.results.actions import Watched, apply_action, dismiss_action, watch_actions
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.account.corrections import Quantity, Ratio
from include.trading.errors import InvalidData
from include.trading.plan.packed import unpacked
from include.trading.results.row import DayRow
from tests.integration.test_corporate_actions import held, open_actions, open_kinds, plan, reasons, symbol_of
from tests.integration.test_day_books import Days
from tests.support.alpaca_schema import check
from tests.support.strategies import changed
from tests.support.trading import Trade

D = Decimal
# More than a day's move makes of a position of 10 000 USD, and far less than a split, a sale or a purchase of it.
A_DAYS_CHANGE = D(1500)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2", alpaca_rate_limit=0) as running:
        yield running


@pytest.fixture
def days(ledger_url: str, sandbox: Sandbox, request: pytest.FixtureRequest) -> Days:
    """A strategy at Alpaca whose first day is closed; the next session is open. Long one symbol, or short one."""
    found = Days(Trade.begin(ledger_url, sandbox, "alpaca"), sandbox)
    if getattr(request, "param", "long") == "short":
        found.trade.strategy = changed(found.trade.strategy, top_n=0, bottom_n=1)
    found.run()
    found.close()
    return found


def announce(days: Days, kind: str, **words: Any) -> str:
    symbol = symbol_of(days)
    days.sandbox.admin.corporate_action(kind, symbol, **words)
    return symbol


def split(days: Days, **words: Any) -> str:
    return announce(days, "forward_split", **{"new_rate": 10, **words})


def look(days: Days) -> Watched:
    """Look at what is announced, as every plan does first."""
    strategy = days.trade.strategy
    with days.engine.desk() as desk, days.engine.assembly().prices(strategy, correlation_id="test") as market:
        symbols = {*strategy.symbols, *held(days)}
        return watch_actions(desk, market, "sandbox", strategy, "paper", symbols, days.session.day)


def click(days: Days) -> None:
    """Book the one proposal there is."""
    ((action, state),) = open_actions(days)
    assert state == "proposed"
    with days.engine.desk() as desk:
        apply_action(desk, "sandbox", action, reason="seen at the broker")


def dismiss(days: Days) -> None:
    ((action, _),) = open_actions(days)
    with days.engine.ledger() as ledger:
        dismiss_action(ledger, "sandbox", action, actor="ann", reason="seen at the broker")


def posts(days: Days) -> dict[str, int]:
    found: dict[str, int] = {}
    for post in days.sandbox.admin.book()["posts"]:
        found[post["symbol"]] = found.get(post["symbol"], 0) + 1
    return found


def is_left_as_it_is(days: Days, symbol: str) -> None:
    """Run the session: the symbol is planned, and what it trades is a day's change of its price."""
    run = plan(days, f"run {days.session.day}")
    with days.engine.ledger() as ledger:
        row = next(row for row in ledger.runs.mappings(run.run_id) if row["symbol"] == symbol)
    assert row["skip_reason"] in (None, "inside_band", "under_one_share")
    assert abs((row["delta_quantity"] or 0) * row["price"]) < A_DAYS_CHANGE


def made_no_result(days: Days) -> DayRow:
    """Close the session: its result is a day's change of the price and nothing of what was announced."""
    days.close()
    row = days.rows()[-1]
    assert abs(row.result) < A_DAYS_CHANGE
    return row


def activities(days: Days, kind: str) -> list[dict[str, Any]]:
    url = f"{days.sandbox.alpaca_url}/v2/account/activities/{kind}"
    answer = httpx.get(url, params={"direction": "asc"}, headers=days.sandbox.alpaca_headers)
    check(answer)
    found: list[dict[str, Any]] = answer.json()
    return found


@pytest.mark.parametrize("days", ["long", "short"], indirect=True)
def test_a_reverse_split_whose_parts_are_kept_is_one_click_long_or_short(days: Days) -> None:
    before = held(days)
    symbol = announce(days, "reverse_split", new_rate=1, old_rate=8)
    assert look(days).blocked == {symbol: "corporate_action"}

    click(days)

    assert held(days) == {symbol: before[symbol] / 8}
    assert [(row["activity_sub_type"], D(row["qty"])) for row in activities(days, "SPLIT")] == [
        ("RSPLIT", -before[symbol]),
        ("RSPLIT", before[symbol] / 8),
    ]
    is_left_as_it_is(days, symbol)
    assert made_no_result(days).corrected == 0


def test_a_reverse_split_whose_part_of_a_share_is_paid_out_is_one_question(days: Days) -> None:
    before = held(days)[symbol_of(days)]
    # What the day's price bought may be divided by one of them.
    old = next(number for number in (7, 11, 13) if before % number)
    symbol = announce(days, "reverse_split", new_rate=1, old_rate=old, parts="paid")
    whole = D(int(before / old))
    run = plan(days, "asked")
    assert (reasons(days, run)[symbol], [state for _, state in open_actions(days)]) == ("corporate_action", ["blocked"])

    with days.engine.desk() as desk:
        correct(desk, "sandbox", "daily_trading", symbol, Ratio(Fraction(1, old)), reason="paid out in cash")

    # Booked by hand, it needs no dismissal.
    assert look(days).blocked == {}
    assert (held(days), open_actions(days)) == ({symbol: whole}, [])
    assert not open_kinds(days) & {"corporate_action", "blocked_symbol"}
    made_no_result(days)
    is_left_as_it_is(days, symbol)


def test_a_new_symbol_is_not_sold_as_one_that_is_no_longer_wanted(days: Days) -> None:
    before, old, sent = held(days), symbol_of(days), posts(days)
    announce(days, "name_change", new_symbol="NEWCO")
    assert look(days).blocked == {old: "corporate_action", "NEWCO": "corporate_action"}
    click(days)
    assert [(row["symbol"], D(row["qty"])) for row in activities(days, "NC")] == [
        (old, -before[old]),
        ("NEWCO", before[old]),
    ]

    run = plan(days, "the file names the old symbol")

    assert {reasons(days, run)[old], reasons(days, run)["NEWCO"]} == {"renamed"}
    assert (held(days), posts(days)) == ({"NEWCO": before[old]}, sent)
    assert "corporate_action" in open_kinds(days)
    assert made_no_result(days).symbols["NEWCO"]["quantity"] == str(before[old])
    days.trade.strategy = changed(days.trade.strategy, symbols=("NEWCO",))
    is_left_as_it_is(days, "NEWCO")
    assert "corporate_action" not in open_kinds(days)
    assert posts(days)[old] == sent[old]


@pytest.mark.parametrize("days", ["short"], indirect=True)
def test_a_short_pays_the_dividend_from_its_ex_date_on(days: Days) -> None:
    (quantity,) = held(days).values()
    due = round(quantity * D("0.25"), 2)
    symbol = announce(days, "cash_dividend", rate="0.25", payable_date=str(days.calendar.next(days.session.day).day))

    is_left_as_it_is(days, symbol)
    days.close()

    assert due < 0
    assert days.rows()[-1].dividends == due
    days.close()
    assert days.rows()[-1].dividends == 0


@pytest.mark.parametrize(
    ("kind", "new"), [("cash_merger", None), ("stock_merger", "AMD"), ("stock_and_cash_merger", "AMD")]
)
def test_a_merger_is_one_question_and_its_symbols_get_no_order(days: Days, kind: str, new: str | None) -> None:
    sent = posts(days)
    symbol = announce(days, kind, new_symbol=new, rate="12.5", new_rate=1, old_rate=2)

    run = plan(days, "asked")

    assert reasons(days, run)[symbol] == "corporate_action"
    assert posts(days) == sent
    assert [state for _, state in open_actions(days)] == ["blocked"]
    with days.engine.desk() as desk:
        correct(desk, "sandbox", "daily_trading", symbol, Quantity(D(0)), reason="merged")
    dismiss(days)
    assert (held(days), look(days).blocked) == ({}, {})
    days.close()
    run = plan(days, "the next session")
    assert reasons(days, run)[symbol] == "price_missing"
    assert symbol not in {row["symbol"] for row in days.sandbox.admin.book()["posts"][sum(sent.values()) :]}


def test_the_same_announced_under_two_ids_is_one_proposal_and_booked_once(days: Days) -> None:
    before = held(days)
    symbol = split(days)
    days.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, at_broker=False, in_prices=False)
    look(days)
    click(days)
    assert look(days).blocked == {}
    # And a third time, after it was booked; then the first is taken back.
    split(days, id="third", at_broker=False, in_prices=False)
    assert (look(days).blocked, open_actions(days)) == ({}, [])
    assert held(days) == {symbol: 10 * before[symbol]}

    made_no_result(days)


def test_what_the_broker_did_before_it_was_announced_is_corrected_once(days: Days) -> None:
    before = held(days)
    symbol = split(days, announced=False)
    run = plan(days, "nothing is announced")
    assert reasons(days, run)[symbol] == "unexplained_position"
    with days.engine.desk() as desk:
        correct(desk, "sandbox", "daily_trading", symbol, Ratio(Fraction(10)), reason="split, as the broker says")
    split(days, at_broker=False, in_prices=False)

    # The day's close asks first, and counts no share ten times.
    made_no_result(days)

    assert (look(days).blocked, open_actions(days)) == ({}, [])
    assert held(days) == {symbol: 10 * before[symbol]}
    is_left_as_it_is(days, symbol)


def test_an_announcement_that_changes_is_judged_as_it_is_now(days: Days) -> None:
    before = held(days)
    symbol = split(days, id="x", at_broker=False, in_prices=False)
    look(days)
    assert [state for _, state in open_actions(days)] == ["blocked"]
    split(days, id="x", new_rate=5)
    look(days)
    click(days)
    assert held(days) == {symbol: 5 * before[symbol]}
    # A date that is known now changes nothing of what is booked, and back again.
    later = str(days.calendar.next(days.session.day).day)
    for words in ({"payable_date": later}, {}, {"withdrawn": True}, {}):
        split(days, id="x", new_rate=5, at_broker=False, in_prices=False, **words)
        assert (look(days).blocked, open_actions(days)) == ({}, [])
    made_no_result(days)
    # Another ratio for what is booked, while the venue shows what is booked, is no question either.
    split(
        days,
        id="x",
        new_rate=4,
        ex_date=str(days.calendar.previous(days.session.day).day),
        at_broker=False,
        in_prices=False,
    )
    assert look(days).blocked == {}


def test_an_announcement_that_is_taken_back_blocks_until_a_person_says_that_it_is_none(days: Days) -> None:
    symbol = split(days, id="x", at_broker=False, in_prices=False)
    look(days)
    split(days, id="x", withdrawn=True)

    assert look(days).blocked == {symbol: "corporate_action"}
    made_no_result(days)

    dismiss(days)
    assert (look(days).blocked, open_actions(days)) == ({}, [])
    assert "corporate_action" not in open_kinds(days)


def test_what_was_bought_on_the_ex_date_is_not_split_again_when_that_is_announced_late(days: Days) -> None:
    bought_on = str(days.calendar.previous(days.session.day).day)
    before = held(days)
    symbol = split(days, ex_date=bought_on, at_broker=False, in_prices=False)

    assert (look(days).blocked, open_actions(days)) == ({}, [])
    is_left_as_it_is(days, symbol)
    made_no_result(days)
    assert held(days)[symbol] < 2 * before[symbol]


def test_a_dividend_that_is_announced_late_otherwise_or_no_more_is_the_next_days_line(days: Days) -> None:
    symbol, quantity = symbol_of(days), held(days)[symbol_of(days)]
    ex_date = str(days.session.day)
    days.close()

    def next_day(**words: Any) -> Decimal:
        days.sandbox.admin.corporate_action("cash_dividend", symbol, id="d", ex_date=ex_date, at_broker=False, **words)
        days.close()
        return days.rows()[-1].dividends

    assert next_day(rate="0.25") == round(quantity * D("0.25"), 2)
    assert next_day(rate="0.25") == 0
    assert next_day(rate="0.30") == round(quantity * D("0.30"), 2) - round(quantity * D("0.25"), 2)
    assert next_day(withdrawn=True) == -round(quantity * D("0.30"), 2)
    assert next_day(withdrawn=True) == 0


def test_nothing_is_booked_while_an_order_of_the_symbol_may_fill(days: Days) -> None:
    before = held(days)
    days.sandbox.admin.settings(fill_after_seconds=1000)
    days.trade.strategy = changed(days.trade.strategy, max_position_size=20000)
    run, (intent,) = days.trade.plan("more of it")
    days.trade.submit(intent)
    symbol = split(days)
    look(days)

    with pytest.raises(InvalidData, match="expected no order that may still fill"):
        click(days)

    assert held(days) == before
    assert [state for _, state in open_actions(days)] == ["proposed"]
    days.sandbox.admin.order(intent.client_order_id, status="canceled")
    days.engine.track(run)
    click(days)
    assert held(days) == {symbol: 10 * before[symbol]}


def test_what_was_planned_in_old_shares_is_not_sent_once_the_split_is_booked(days: Days) -> None:
    days.trade.strategy = changed(days.trade.strategy, max_position_size=5000)
    _, intent = days.trade.plan_one("less of it")
    sent = posts(days)
    symbol = announce(days, "reverse_split", new_rate=1, old_rate=8)
    look(days)

    click(days)

    assert days.trade.submit(intent).state == "not_sent"
    assert (posts(days), symbol_of(days)) == (sent, symbol)


@pytest.mark.parametrize(("size", "side"), [(15_000, "buy"), (5_000, "sell")])
def test_on_its_ex_date_a_split_symbol_is_traded_at_its_new_price(days: Days, size: int, side: str) -> None:
    symbol = split(days)
    look(days)
    click(days)
    days.trade.strategy = changed(days.trade.strategy, max_position_size=size)

    run = plan(days, f"run {days.session.day}")

    with days.engine.ledger() as ledger:
        row = next(row for row in ledger.runs.mappings(run.run_id) if row["symbol"] == symbol)
        kept = ledger.plan_inputs.of(run.run_id)
    assert (row["outcome"], row["order_side"], row["skip_reason"]) == ("order", side, None)
    # There is no warning of a far price either: the previous close is compared in new shares.
    assert row["detail"] is None
    assert kept is not None
    close = unpacked(kept).closes_in_new_shares[symbol]
    assert close.source.endswith(", adjusted for a split")
    assert abs(close.price / row["price"] - 1) < D("0.2")


def test_what_two_strategies_hold_is_booked_for_both_or_for_none(days: Days) -> None:
    symbol, before = symbol_of(days), held(days)
    days.sandbox.admin.positions(**{symbol: "5.125"})
    with days.engine.desk() as desk:
        correct(desk, "sandbox", "another", symbol, Quantity(D("5.125")), reason="moved by hand")
    days.trade.strategy = changed(days.trade.strategy, corporate_actions="apply")
    split(days)
    # Of another strategy too, so that a person is asked.
    assert look(days).blocked == {symbol: "corporate_action"}

    click(days)

    with days.engine.ledger() as ledger:
        assert ledger.corrections.holders("sandbox", symbol) == {
            "another": D("51.25"),
            "daily_trading": 10 * before[symbol],
        }
    assert (open_actions(days), days.trade.breaks()) == ([], [])


def test_two_people_who_click_at_once_book_it_once(days: Days) -> None:
    before = held(days)
    symbol = split(days)
    look(days)
    ((action, _),) = open_actions(days)

    def book(name: str) -> str:
        with days.engine.desk(actor=name) as desk:
            try:
                apply_action(desk, "sandbox", action, reason="seen at the broker")
            except InvalidData as error:
                return str(error)
        return "booked"

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(book, ("ann", "bob", "eve", "joe")))

    assert said.count("booked") == 1
    assert held(days) == {symbol: 10 * before[symbol]}
    with days.engine.ledger() as ledger:
        assert len(ledger.corrections.of_account("sandbox")) == 1


@pytest.mark.parametrize("mode", ["propose", "apply"])
def test_a_booking_that_was_undone_is_a_question_again_and_never_booked_by_itself(days: Days, mode: str) -> None:
    before = held(days)
    symbol = split(days)
    look(days)
    click(days)
    with days.engine.desk() as desk:
        (done,) = desk.ledger.corrections.of_account("sandbox")
        undo(desk, "sandbox", done.id, reason="too early", against_gateway=True)
    assert held(days) == before
    assert [state for _, state in open_actions(days)] == ["blocked"]
    days.trade.strategy = changed(days.trade.strategy, corporate_actions=mode)

    assert look(days).blocked == {symbol: "corporate_action"}

    assert held(days) == before
    made_no_result(days)
    click(days)
    assert held(days) == {symbol: 10 * before[symbol]}
    made_no_result(days)


def test_a_backfill_asks_and_changes_nothing_of_it(days: Days) -> None:
    before, sent = held(days), posts(days)
    split(days)
    session = days.calendar.previous(days.session.day)

    with days.engine.ledger() as ledger:
        identity = days.engine.identity("backfill", "backfill", session.open)
        run, intents = days.engine.plan(identity, days.trade.strategy)
        stored = ledger.actions.effective([*before], date.min, date.max)

    assert (run.mode, intents, stored, open_actions(days)) == ("replay", [], [], [])
    assert (held(days), posts(days)) == (before, sent)
    with days.engine.ledger() as ledger:
        assert ledger.corrections.of_account("sandbox") == []
