"""What a company's announcement means for a holding."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from include.trading.account.actions import (
    ActionState,
    Announcement,
    Form,
    Known,
    Verdict,
    decided,
    judge,
    splits_since,
)
from include.trading.account.corrections import Ratio, Rename

D = Decimal


def announced(kind: str, **words: Any) -> Announcement:
    return Announcement(vendor_id="1", kind=kind, symbol="AAPL", ex_date=date(2026, 6, 1), **words)


SPLIT = announced("forward_split", ratio=D(10))
RENAME = announced("name_change", new_symbol="APPL")


def judged(
    action: Announcement,
    held: str,
    venue: dict[str, str],
    *,
    expected: str | None = None,
    others: tuple[str, ...] = (),
    before: str | None = None,
) -> Verdict:
    known = Known(
        held=D(held),
        others=[D(other) for other in others],
        before=D(held if before is None else before),
        expected={"AAPL": D(held if expected is None else expected)},
        positions={symbol: D(quantity) for symbol, quantity in venue.items()},
    )
    return judge(action, known)


@pytest.mark.parametrize(
    ("held", "expected", "venue", "state"),
    [
        ("10", "10", "100", "proposed"),
        ("-10", "-10", "-100", "proposed"),
        ("0.5", "0.5", "5", "proposed"),
        ("10", "10", "10", "blocked"),  # the venue has not split
        ("10", "10", "99", "blocked"),
        ("10", "12", "120", "blocked"),  # two shares are no strategy's
        ("0", "0", "0", None),
    ],
)
def test_a_split_is_proposed_only_where_books_and_venue_agree_exactly(
    held: str, expected: str, venue: str, state: str | None
) -> None:
    found = judged(SPLIT, held, {"AAPL": venue}, expected=expected)

    assert found.state == state
    assert (found.wanted == Ratio(Fraction(10), is_exact=True)) is (state == "proposed")


def test_a_split_that_leaves_a_part_that_no_book_can_hold_is_blocked() -> None:
    third = announced("reverse_split", ratio=D(1) / D(3))

    assert judged(third, "10", {"AAPL": "3.333333333"}).state == "blocked"


@pytest.mark.parametrize("old", [3, 6, 7, 15, 30])
def test_a_reverse_split_whose_ratio_is_no_decimal_number_is_exact(old: int) -> None:
    action = announced("reverse_split", ratio=D(1) / D(old), raw={"new_rate": 1, "old_rate": str(old)})

    found = judged(action, str(4 * old), {"AAPL": "4"})

    assert (found.state, found.wanted) == ("proposed", Ratio(Fraction(1, old), is_exact=True))


@pytest.mark.parametrize(
    ("expected", "venue", "state"),
    [("15.5", "155", "proposed"), ("15.5", "100", "blocked"), ("15.5", "150", "blocked"), ("16", "155", "blocked")],
)
def test_a_split_of_what_two_strategies_hold_is_judged_by_their_sum(expected: str, venue: str, state: str) -> None:
    found = judged(SPLIT, "10", {"AAPL": venue}, expected=expected, others=("5.5",))

    assert found.state == state
    assert "other strategies of the account hold 5.5" in found.words


def test_what_was_bought_after_the_ex_date_is_split_already() -> None:
    assert judged(SPLIT, "10", {"AAPL": "10"}, before="0").state is None
    # Nor is it taken for so where the venue says otherwise than our books.
    assert judged(SPLIT, "10", {"AAPL": "90"}, before="0").state == "blocked"
    assert judged(SPLIT, "10", {"AAPL": "100"}, before="0").state == "proposed"
    assert judged(announced("spin_off", new_symbol="SPUN"), "10", {"AAPL": "10"}, before="0").state is None
    assert judged(announced("spin_off", new_symbol="SPUN"), "10", {"AAPL": "10"}).state == "blocked"


@pytest.mark.parametrize(
    ("venue", "state"),
    [
        ({"APPL": "10"}, "proposed"),
        ({"AAPL": "10"}, "blocked"),
        ({"AAPL": "5", "APPL": "5"}, "blocked"),
    ],
)
def test_a_new_symbol_is_proposed_only_where_the_whole_holding_moved(venue: dict[str, str], state: str) -> None:
    found = judged(RENAME, "10", venue)

    assert found.state == state
    assert (found.wanted == Rename("APPL")) is (state == "proposed")


@pytest.mark.parametrize(
    "kind", ["cash_merger", "spin_off", "unit_split", "redemption", "worthless_removal", "new_one"]
)
def test_anything_else_blocks_and_says_what_each_side_shows(kind: str) -> None:
    found = judged(announced(kind), "10", {"AAPL": "9"})

    assert (found.state, found.wanted) == ("blocked", None)
    assert "the venue shows 9 AAPL, our books 10" in found.words


def test_a_dividend_blocks_nothing() -> None:
    assert judged(announced("cash_dividend", cash=D("0.25")), "10", {}).state is None


SAME, OTHERWISE, GONE = "same", "otherwise", "gone"
OWN, TWIN = True, False


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([], None),
        ([(OWN, SAME, "proposed"), (OWN, SAME, None)], None),
        ([(OWN, SAME, "applied"), (OWN, SAME, None)], "done"),
        ([(OWN, SAME, "dismissed"), (OWN, SAME, None)], "done"),
        ([(TWIN, SAME, "applied"), (OWN, SAME, None)], "done"),
        ([(OWN, OTHERWISE, "applied"), (OWN, SAME, None)], "changed"),
        ([(OWN, OTHERWISE, "dismissed"), (OWN, SAME, None)], None),
        # Dismissed, taken back or announced otherwise, and announced again: a question again.
        ([(OWN, SAME, "dismissed"), (OWN, OTHERWISE, None), (OWN, SAME, None)], None),
        ([(OWN, SAME, "blocked"), (OWN, GONE, "dismissed"), (OWN, SAME, None)], None),
        # Booked, taken back and announced again: it is booked.
        ([(OWN, SAME, "applied"), (OWN, GONE, None), (OWN, SAME, None)], "done"),
        # Undone: its newest event says so.
        ([(OWN, SAME, "blocked")], None),
    ],
)
def test_what_was_decided_holds_for_every_form_that_says_the_same(
    told: list[tuple[bool, str, ActionState | None]], found: str | None
) -> None:
    forms = [
        Form(id=number, is_own=own, is_same=says != OTHERWISE, withdrawn=says == GONE, state=state)
        for number, (own, says, state) in enumerate(told)
    ]

    assert decided(forms) == found


def test_what_is_taken_back_stays_a_question_until_a_person_says_that_it_is_none() -> None:
    blocked, gone = Form(1, True, True, False, "blocked"), Form(2, True, True, True, None)

    assert decided([blocked, gone], withdrawn=True) is None
    assert decided([blocked, Form(2, True, True, True, "dismissed")], withdrawn=True) == "done"


def test_the_splits_of_a_session_are_those_since_the_last_and_what_is_told_twice_counts_once() -> None:
    def on(day: int, kind: str = "forward_split", symbol: str = "AAPL", **words: Any) -> Announcement:
        return announced(kind, **words).model_copy(update={"ex_date": date(2026, 6, day), "symbol": symbol})

    thirds = {"raw": {"new_rate": "1", "old_rate": "3"}, "ratio": D(1) / D(3)}
    actions = [
        on(1, ratio=D(10)),
        on(2, ratio=D(10)),
        on(3, ratio=D(10), new_symbol="AAPL"),
        on(2, "stock_dividend", ratio=D("1.05")),
        on(2, "reverse_split", "KO", **thirds),
        on(2, "cash_dividend", "XOM", cash=D(1)),
        on(2, "name_change", "MSFT", new_symbol="MS"),
    ]

    assert splits_since(date(2026, 6, 1), actions) == {"AAPL": Fraction("10.5"), "KO": Fraction(1, 3)}
