"""A bound lets in what its column can hold, and judges any number without an error."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.bounds import PRICE, QUANTITY, TARGET_WEIGHT, NumberBound, storable_quantity, usable_price


@given(st.decimals(), st.sampled_from([PRICE, QUANTITY, TARGET_WEIGHT]))
def test_any_number_is_held_or_not(number: Decimal, bound: NumberBound) -> None:
    if bound.holds(number):
        assert abs(bound.rounded(number)) < Decimal(10) ** (bound.digits - bound.scale)


@pytest.mark.parametrize(
    ("number", "price"),
    [
        ("12.3456785", "12.345678"),
        ("0.000001", "0.000001"),
        ("0.0000005", None),
        ("0.0000004", None),
        ("0", None),
        ("0E+50", None),
        ("-1", None),
        ("99999999999999", "99999999999999"),
        ("99999999999999.9999999", None),
        ("1e14", None),
        ("1e300", None),
        ("NaN", None),
        ("Infinity", None),
    ],
)
def test_a_price_has_six_decimals_and_is_above_0_with_them(number: str, price: str | None) -> None:
    found = usable_price(Decimal(number))

    assert found == (None if price is None else Decimal(price))


def test_a_price_that_fits_stays_as_it_was_written() -> None:
    assert str(usable_price(Decimal("189.5"))) == "189.5"


@pytest.mark.parametrize("number", ["1e14", "1e300", "0.1234567891", "NaN", "-Infinity"])
def test_what_nobody_can_hold_is_no_number_of_shares(number: str) -> None:
    with pytest.raises(ValueError, match="expected shares below"):
        storable_quantity(Decimal(number))
