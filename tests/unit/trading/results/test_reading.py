"""What the ledger's rows are in a book: late parts of an order, corrected fills, dividends and fees."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.account.actions import Announcement
from include.trading.results.day import BookState, close_day
from include.trading.results.entries import Entry, cents
from include.trading.results.reading import announcement_of, costs_of, dividend_of, entries_of, repriced

D = Decimal
prices = st.decimals("0.01", "900", places=6)
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)


def fill(quantity: str, average: str | None, **more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "symbol": "KO",
        "quantity": D(quantity),
        "kind": "fill",
        "correction": None,
        "intent_id": 7,
        "plan_price": D("10.00"),
        "filled_avg_price": None if average is None else D(average),
        "session_date": MONDAY,
        **more,
    }


def by_hand(quantity: str, price: str, kind: str = "fill") -> dict[str, Any]:
    detail = {"order": "x", "quantity": quantity.lstrip("-"), "price": price}
    return fill(
        quantity,
        None,
        kind="correction",
        correction=kind,
        detail={"kind": "fill", **detail} if kind == "undo" else detail,
        correction_id=3,
        reason="the broker shows it",
    )


def test_the_part_of_an_order_that_fills_after_midnight_is_the_next_days_at_its_own_price() -> None:
    # 33 at 10.01, then 67 at 10.04 on average: 10.0301 for all of them.
    (first,) = entries_of([fill("33", "10.01")], {}, MONDAY)

    (second,) = entries_of([fill("67", "10.0301")], {7: (first.quantity, first.amount)}, TUESDAY)

    assert (first.amount, first.of_session) == (D("330.33"), None)
    assert (second.quantity, second.amount, second.of_session) == (D(67), D("672.68"), MONDAY)
    assert first.amount + second.amount == D("1003.01")
    # Both days together: 100 shares for 1003.01, worth 10.05 each.
    monday = close_day(BookState(D(2000)), [first], {"KO": D("10.02")})
    tuesday = close_day(monday.state, [second], {"KO": D("10.05")})
    assert (monday.result, tuesday.result) == (D("0.33"), D("1.66"))
    assert tuesday.equity == D(2000) - D("1003.01") + D(1005)


def test_parts_of_one_order_add_up_to_its_average_price_however_they_are_rounded() -> None:
    found = entries_of([fill("1", "3.333333")] * 3, {}, MONDAY)

    assert [entry.amount for entry in found] == [D("3.33"), D("3.34"), D("3.33")]


def test_a_fill_by_hand_that_the_venue_reports_later_is_counted_once_at_the_venues_price() -> None:
    (mine,) = entries_of([by_hand("40", "10.50")], {}, MONDAY)

    # The ledger takes the shares by hand back as the venue's come.
    back, theirs = entries_of([by_hand("-40", "10.50"), fill("40", "10.55")], {}, TUESDAY)

    assert (mine.amount, back.amount, theirs.amount) == (D(420), D(-420), D(422))
    monday = close_day(BookState(D(1000)), [mine], {"KO": D(11)})
    tuesday = close_day(monday.state, [back, theirs], {"KO": D(11)})
    assert (monday.result, tuesday.result) == (D(20), D(-2))
    assert tuesday.state.holdings["KO"].quantity == 40


def test_a_fill_by_hand_that_is_undone_leaves_the_cash_as_it_was() -> None:
    found = entries_of([by_hand("40", "10.50"), by_hand("-40", "10.50", kind="undo")], {}, MONDAY)

    assert sum(entry.amount for entry in found) == 0
    assert close_day(BookState(D(1000)), found, {"KO": D(11)}).equity == D(1000)


def test_a_price_that_is_told_after_the_close_is_the_difference_and_nothing_else() -> None:
    row = {"id": 7, "symbol": "KO", "session_date": MONDAY, "quantity": D(-20), "amount": D("-200.00")}
    row["plan_price"] = D("10.00")

    assert repriced([row | {"filled_avg_price": D("10.00")}], TUESDAY) == []
    (more,) = repriced([row | {"filled_avg_price": D("10.02")}], TUESDAY)
    assert (more.kind, more.amount, more.of_session) == ("price", D("-0.40"), MONDAY)
    # Sold for 0.40 more than was counted: so much better than planned.
    day = close_day(BookState(D(1000)), [more], {})
    assert (day.result, day.cost_to_plan, day.cost_to_close) == (D("0.40"), D("-0.40"), D("-0.40"))


parts = st.tuples(st.decimals("0.000000001", "500", places=9), st.decimals("0.01", "900", places=6))


@given(days=st.lists(st.lists(parts, max_size=3), min_size=1, max_size=5), side=st.sampled_from([1, -1]), told=prices)
def test_an_order_that_fills_over_days_costs_what_the_venue_says_in_the_end_to_the_cent(
    days: list[list[tuple[Decimal, Decimal]]], side: int, told: Decimal
) -> None:
    """Each day knows the average price of what had filled by its close; the last word comes after all of them."""
    state, quantity, paid, cost, results = BookState(), D(0), D(0), D(0), D(0)
    for fills in days:
        average = fills[-1][1] if fills else D(1)
        rows = [fill(str(side * shares), str(average)) for shares, _ in fills]
        day = close_day(state, entries_of(rows, {7: (quantity, paid)}, TUESDAY), {"KO": D(50)})
        state, results, cost = day.state, results + day.result, cost + day.cost_to_plan
        quantity += sum((row["quantity"] for row in rows), D(0))
        paid = -state.cash
    last = fill("0", str(told)) | {"id": 7, "quantity": quantity, "amount": paid}

    day = close_day(state, repriced([last], TUESDAY), {"KO": D(50)})

    assert -day.state.cash == cents(quantity * told)
    assert results + day.result == day.equity == cents(quantity * 50) - cents(quantity * told)
    # Rounded to the cent a fill, at most.
    assert abs(cost + day.cost_to_plan - (quantity * told - quantity * 10)) <= D("0.16")


def announced(cash: str | None, ex_date: date = TUESDAY) -> Announcement:
    return Announcement(
        vendor_id="ca-1", kind="cash_dividend", symbol="KO", cash=None if cash is None else D(cash), ex_date=ex_date
    )


@pytest.mark.parametrize(("held", "amount"), [("150.5", "38.38"), ("-100", "-25.50")])
def test_a_long_position_has_its_dividend_and_a_short_one_pays_it(held: str, amount: str) -> None:
    found = dividend_of(announced("0.255"), D(held), TUESDAY)

    assert found is not None
    assert (found.kind, found.amount, found.of_session) == ("dividend", D(amount), None)
    assert announcement_of(found.words) == "ca-1"


def test_a_dividend_that_became_known_late_names_its_ex_date() -> None:
    found = dividend_of(announced("0.25", MONDAY), D(10), TUESDAY)

    assert found is not None
    assert found.of_session == MONDAY


def test_what_is_no_dividend_or_not_a_cent_is_no_line() -> None:
    assert dividend_of(announced(None), D(10), TUESDAY) is None
    assert dividend_of(announced("0.001"), D(1), TUESDAY) is None
    assert announcement_of("what the first plan was made with") is None
    assert announcement_of(None) is None


def test_a_listed_cost_is_a_fee_and_what_is_paid_back_one_below_zero() -> None:
    rows = [
        {"id": 4, "kind": "fee", "symbol": "KO", "amount": D("-1.25"), "day": MONDAY, "words": "FEE: borrow"},
        {"id": 5, "kind": "interest", "symbol": "KO", "amount": D("0.05"), "day": MONDAY, "words": ""},
    ]

    assert costs_of(rows) == [
        Entry("fee", "KO", amount=D("1.25"), activity_id=4, words="FEE: borrow, listed for 2026-11-23"),
        Entry("fee", "KO", amount=D("-0.05"), activity_id=5, words="interest, listed for 2026-11-23"),
    ]
