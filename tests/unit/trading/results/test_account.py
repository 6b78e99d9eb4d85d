"""Which difference between an account's equity and its books is warned about."""

from __future__ import annotations

from decimal import Decimal

import pytest

from include.trading.results.account import is_worth_a_look, unexplained_limit

D = Decimal


@pytest.mark.parametrize(
    ("equity", "limit"),
    [
        ("0", "1"),
        ("9999.99", "1"),
        ("10000", "1"),
        ("10060", "1.006"),
        ("100000", "10"),
        ("-100000", "10"),
        ("2500000000", "250000"),
    ],
)
def test_the_limit_is_one_dollar_or_a_hundredth_of_a_per_cent_whichever_is_more(equity: str, limit: str) -> None:
    assert unexplained_limit(D(equity)) == D(limit)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("equity", "unexplained", "warned"),
    [
        ("5000", "1.00", False),
        ("5000", "1.01", True),
        ("10060", "1.00", False),
        # A limit between two cents is not rounded up to the higher one.
        ("10060", "1.01", True),
        ("100000", "10.00", False),
        ("100000", "10.01", True),
        ("100000.01", "10.00", False),
        ("0", "0", False),
    ],
)
def test_a_difference_is_warned_about_above_its_limit_and_not_at_it(
    equity: str, unexplained: str, warned: bool, sign: int
) -> None:
    assert is_worth_a_look(sign * D(unexplained), D(equity)) is warned


def test_a_first_day_has_nothing_to_warn_about() -> None:
    assert is_worth_a_look(None, D(100000)) is False
