"""How the text of an argument is read."""

from __future__ import annotations

import argparse
from datetime import date
from decimal import Decimal

import pytest

from include.ops.arguments import day, price, quantity


def test_a_day_is_an_iso_date() -> None:
    assert day("2026-07-01") == date(2026, 7, 1)
    with pytest.raises(argparse.ArgumentTypeError, match="expected a day as YYYY-MM-DD, got '1 July'"):
        day("1 July")


@pytest.mark.parametrize("read", [quantity, price])
def test_a_number_is_read_exactly_and_one_that_cannot_be_stored_is_refused(read: type[Decimal]) -> None:
    assert read("1.50") == Decimal("1.50")
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number, got 'ten'"):
        read("ten")
    for absurd in ("NaN", "Infinity", "1e40"):
        with pytest.raises(argparse.ArgumentTypeError):
            read(absurd)


def test_a_quantity_may_be_negative_and_a_price_of_zero_is_left_to_the_command() -> None:
    assert quantity("-3") == -3
    assert price("0") == 0
