"""Corrections of what is held: what may be asked for, and what it makes of a holding."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from include.trading.account.corrections import after_split, check_fill, parse_quantity, parse_ratio, parse_symbol
from include.trading.errors import InvalidData


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("10", Fraction(10)),
        ("1/3", Fraction(1, 3)),
        (" 3 / 2 ", Fraction(3, 2)),
        ("0.1", Fraction(1, 10)),
        ("1.5", Fraction(3, 2)),
    ],
)
def test_a_ratio_is_exact(text: str, ratio: Fraction) -> None:
    assert parse_ratio(text) == ratio


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "1",
        "2/2",
        "0/0",
        "1/0",
        "0/3",
        "-2",
        "1/-3",
        "NaN",
        "inf",
        "1e9",
        "1/2/3",
        "3/2/1",
        "a",
        "٣",
        "9" * 50,
        "1:10",
    ],
)
def test_what_is_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match="expected new shares for old ones"):
        parse_ratio(text)


@pytest.mark.parametrize("text", ["", "NaN", "sNaN", "Infinity", "-Infinity", "1e30", "0.0000000001", "1/3", "x"])
def test_what_is_no_number_of_shares_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match="at most nine decimals"):
        parse_quantity(text, negative=True)


@pytest.mark.parametrize("text", ["0", "-1", "-0"])
def test_a_fill_has_more_than_no_shares(text: str) -> None:
    with pytest.raises(InvalidData, match="a number above 0"):
        parse_quantity(text)


def test_shares_may_be_signed_and_have_nine_decimals() -> None:
    assert parse_quantity("-33.333333333", negative=True) == Decimal("-33.333333333")
    assert parse_quantity("0", negative=True) == 0


@pytest.mark.parametrize("text", ["", "aapl", "AA PL", "A" * 16, "A\nB", "1A"])
def test_what_is_no_symbol_is_refused(text: str) -> None:
    with pytest.raises(InvalidData, match="symbol: expected"):
        parse_symbol(text)


@pytest.mark.parametrize(
    ("held", "ratio", "at_gateway", "after"),
    [
        ("810", "10", "8100", "8100"),
        ("810", "1/10", "81", "81"),
        ("-40", "3/2", "-60", "-60"),
        # The broker keeps the part of a share, rounds it, or pays it out.
        ("100", "1/3", "33.333333333", "33.333333333"),
        ("100", "1/3", "33", "33"),
        ("100", "1/3", "34", "34"),
        # The gateway says something else altogether: what the split makes is kept, to be compared by who asked.
        ("100", "1/3", "100", "33.333333333"),
        ("810", "10", "8099.5", "8100"),
    ],
)
def test_a_split_leaves_what_it_makes_or_the_gateways_word_on_a_part_of_a_share(
    held: str, ratio: str, at_gateway: str, after: str
) -> None:
    assert after_split(Decimal(held), parse_ratio(ratio), Decimal(at_gateway)) == Decimal(after)


def test_an_order_never_fills_more_than_was_ordered() -> None:
    check_fill(Decimal(10), Decimal(4), Decimal(6))
    with pytest.raises(InvalidData, match="11 filled of 10 ordered"):
        check_fill(Decimal(10), Decimal(4), Decimal(7))


def test_one_whole_share_from_what_the_split_makes_is_no_rounding() -> None:
    third = Decimal("33.333333333")

    assert after_split(Decimal(100), Fraction(1, 3), third + 1) == third
    assert after_split(Decimal(100), Fraction(1, 3), third + Decimal("0.999999999")) == Decimal("34.333333332")


def test_a_part_of_a_share_may_have_filled_and_a_quadrillion_shares_may_not() -> None:
    assert parse_quantity("0.5") == Decimal("0.5")
    with pytest.raises(
        InvalidData, match=r"^quantity: expected a number above 0 with at most nine decimals, got '1e15'$"
    ):
        parse_quantity("1e15")
    with pytest.raises(InvalidData, match=r"^price: expected a signed number of shares with"):
        parse_quantity("x", name="price", negative=True)


def test_a_fill_beyond_the_order_says_what_corrects_the_rest() -> None:
    with pytest.raises(InvalidData, match=r"; what the order did not trade is corrected with a quantity$"):
        check_fill(Decimal(10), Decimal(4), Decimal(7))
