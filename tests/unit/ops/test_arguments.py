"""How the text of an argument is read."""

from __future__ import annotations

import argparse
from datetime import date
from decimal import Decimal

import pytest

from include.ops.arguments import basis_points, day, name, price, quantity, usd, whole_number


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


@pytest.mark.parametrize("text", ["-1", "0", "x", "", "1.5", "99999999999999999999", "9" * 5000])
def test_a_whole_number_is_above_0_and_one_that_a_column_can_hold(text: str) -> None:
    assert whole_number("100") == 100
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number from 1 to 2147483647, got "):
        whole_number(text)


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "ten"])
def test_usd_can_be_calculated_with(text: str) -> None:
    assert usd("-2.50") == Decimal("-2.50")
    with pytest.raises(argparse.ArgumentTypeError, match=f"expected a number.*, got '?{text}"):
        usd(text)


@pytest.mark.parametrize("text", ["NaN", "-1", "10001", "1e999999", "Infinity"])
def test_basis_points_are_no_more_than_all_that_is_traded(text: str) -> None:
    assert basis_points("10000") == 10_000
    with pytest.raises(argparse.ArgumentTypeError, match="expected "):
        basis_points(text)


@pytest.mark.parametrize("text", ["", " ", "x\udcff", "x\x1b"])
def test_a_name_can_be_shown(text: str) -> None:
    assert name("tasks") == "tasks"
    with pytest.raises(argparse.ArgumentTypeError, match="expected a name, of characters that can be shown, got "):
        name(text)
