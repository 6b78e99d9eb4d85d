"""Quantities are written without the zeros of their column, and read back as the same number."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.numbers import amount, number, shares


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("222.000000000", "222"),
        ("220", "220"),
        ("1E+3", "1000"),
        ("0.500000000", "0.5"),
        ("-0.000000001", "-0.000000001"),
        ("0E-9", "0"),
    ],
)
def test_a_quantity_is_written_without_trailing_zeros_and_without_an_exponent(quantity: str, words: str) -> None:
    assert shares(Decimal(quantity)) == words
    assert amount(Decimal(quantity)) == words


@given(st.decimals(-(10**13), 10**13, places=9))
def test_what_is_written_is_read_as_the_same_number(quantity: Decimal) -> None:
    assert number(f"{quantity:f}") == number(shares(quantity)) == quantity
    assert str(number(f"{abs(quantity) + 1:f}")) == shares(abs(quantity) + 1)
