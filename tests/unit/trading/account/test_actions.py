"""What a company's announcement means for a holding."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from include.trading.account.actions import Announcement, judge
from include.trading.account.corrections import Ratio, Rename

D = Decimal


def announced(kind: str, **words: Any) -> Announcement:
    return Announcement(vendor_id="1", kind=kind, symbol="AAPL", ex_date=date(2026, 6, 1), **words)


SPLIT = announced("forward_split", ratio=D(10))
RENAME = announced("name_change", new_symbol="APPL")


@pytest.mark.parametrize(
    ("held", "expected", "venue", "state"),
    [
        ("10", "10", "100", "proposed"),
        ("-10", "-10", "-100", "proposed"),
        ("10", "10", "10", "blocked"),  # the venue has not split
        ("10", "10", "99", "blocked"),
        ("10", "12", "120", "blocked"),  # two shares are not the strategy's
        ("0", "0", "0", None),
    ],
)
def test_a_split_is_proposed_only_where_books_and_venue_agree_exactly(
    held: str, expected: str, venue: str, state: str | None
) -> None:
    found = judge(SPLIT, D(held), {"AAPL": D(expected)}, {"AAPL": D(venue)})

    assert found.state == state
    assert (found.wanted == Ratio(Fraction(10))) is (state == "proposed")


def test_a_split_that_leaves_a_part_that_no_book_can_hold_is_blocked() -> None:
    third = announced("reverse_split", ratio=D(1) / D(3))

    assert judge(third, D(10), {"AAPL": D(10)}, {"AAPL": D("3.333333333")}).state == "blocked"


@pytest.mark.parametrize(
    ("venue", "state"),
    [
        ({"APPL": D(10)}, "proposed"),
        ({"AAPL": D(10)}, "blocked"),
        ({"AAPL": D(5), "APPL": D(5)}, "blocked"),
    ],
)
def test_a_new_symbol_is_proposed_only_where_the_whole_holding_moved(venue: dict[str, Decimal], state: str) -> None:
    found = judge(RENAME, D(10), {"AAPL": D(10)}, venue)

    assert found.state == state
    assert (found.wanted == Rename("APPL")) is (state == "proposed")


@pytest.mark.parametrize(
    "kind", ["cash_merger", "spin_off", "unit_split", "redemption", "worthless_removal", "new_one"]
)
def test_anything_else_blocks_and_says_what_each_side_shows(kind: str) -> None:
    found = judge(announced(kind), D(10), {"AAPL": D(10)}, {"AAPL": D(9)})

    assert (found.state, found.wanted) == ("blocked", None)
    assert "the venue shows 9 AAPL, our books 10" in found.words


def test_a_dividend_blocks_nothing() -> None:
    assert judge(announced("cash_dividend", cash=D("0.25")), D(10), {}, {}).state is None
