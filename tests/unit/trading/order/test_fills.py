"""Executions as they are booked: their prices, times and names."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from include.trading.models import Fill, OrderReport
from include.trading.order.fills import (
    Execution,
    average_price,
    executions_to_book,
    listed,
    rounded_price,
    says_too_little,
    total,
    with_executions,
)

AT = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
ONE = Decimal(1)


def says(filled: str | None, *fills: Fill, average: str | None = None) -> OrderReport:
    values: dict[str, Any] = {"filled_quantity": filled, "filled_avg_price": average, "fills": fills}
    return OrderReport.model_validate(
        {
            "gateway_order_id": "p1",
            "symbol": "AAPL",
            "side": "buy",
            "quantity": Decimal(10),
            "state": "open",
            "status": "new",
            **values,
        }
    )


@pytest.mark.parametrize(
    ("price", "kept"),
    [
        ("12.3456785", "12.345679"),
        ("12.3456765", "12.345677"),
        ("0.0000005", "0.000001"),
        ("0.0000004", None),
        ("0", None),
        ("-1", None),
        ("NaN", None),
        ("Infinity", None),
        ("99999999999999", "99999999999999"),
        ("100000000000000", None),
    ],
)
def test_a_price_is_kept_to_six_decimals_halves_upward_and_never_as_nothing(price: str, kept: str | None) -> None:
    assert rounded_price(Decimal(price)) == (None if kept is None else Decimal(kept))


def test_a_listed_fill_keeps_its_time_and_price_and_counts_once() -> None:
    fill = Fill(fill_id="1", quantity=ONE, price=Decimal("12.3456785"), at=AT)

    assert listed(says("1", fill, fill)) == [Execution(fill_id="1", quantity=ONE, price=Decimal("12.345679"), at=AT)]


def test_one_share_and_less_have_an_average_and_nothing_has_none() -> None:
    for quantity in ("1", "0.5"):
        assert average_price([Execution(fill_id="1", quantity=Decimal(quantity), price=Decimal(3))]) == Decimal(3)
    assert average_price([]) is None
    assert total([]) == Decimal(0)


def test_a_part_that_fits_beside_the_real_fills_stands() -> None:
    part = Execution(fill_id="p1:0-4", quantity=Decimal(4), price=ONE)
    real = Execution(fill_id="1", quantity=Decimal(2), price=ONE)

    assert executions_to_book("p1", [part], [real], Decimal(6), says("6")) == (real,)


def test_each_of_two_parts_gives_way_only_as_far_as_the_real_fills_need() -> None:
    parts = [
        Execution(fill_id="p1:0-2", quantity=Decimal(2), price=ONE),
        Execution(fill_id="p1:2-4", quantity=Decimal(2), price=ONE),
    ]
    real = Execution(fill_id="1", quantity=Decimal(2), price=ONE)

    added = executions_to_book("p1", parts, [real], Decimal(4), says("4"))

    assert [(each.fill_id, each.quantity) for each in added] == [("1", 2), ("p1:0-2:gave_way", -2)]


def test_a_part_whose_name_gave_way_gets_the_next_number() -> None:
    booked = [
        Execution(fill_id="p1:0-4", quantity=Decimal(4)),
        Execution(fill_id="p1:0-4:gave_way", quantity=Decimal(-4)),
    ]

    (again,) = executions_to_book("p1", booked, [], Decimal(4), says("4", average="3"))

    assert (again.fill_id, again.quantity, again.price) == ("p1:0-4~2", Decimal(4), Decimal(3))


def fill(id: str, quantity: str, price: str) -> Fill:
    return Fill(fill_id=id, quantity=Decimal(quantity), price=Decimal(price), at=AT)


@pytest.mark.parametrize(
    ("state", "filled", "average", "too_little"),
    [
        ("filled", "10", "5", False),
        ("filled", "9", "5", True),
        ("filled", "0", None, True),
        ("filled", None, None, True),
        ("canceled", "3", "5", False),
        ("canceled", "3", None, True),
        ("canceled", "0", None, False),
        ("open", "0", None, False),
        ("open", "3", None, True),
    ],
)
def test_a_report_says_too_little_where_shares_or_their_price_are_open(
    state: str, filled: str | None, average: str | None, too_little: bool
) -> None:
    report = says(filled, average=average).model_copy(update={"state": state})

    assert says_too_little(report) is too_little


def test_a_report_whose_own_fills_have_prices_says_enough() -> None:
    assert not says_too_little(says("3", fill("a", "3", "5")))


def test_executions_listed_apart_give_quantity_and_average_price() -> None:
    whole = with_executions(says("0"), [fill("a", "4", "10"), fill("b", "6", "11")])

    assert (whole.filled_quantity, whole.filled_avg_price) == (10, Decimal("10.6"))
    assert [each.fill_id for each in whole.fills] == ["a", "b"]


def test_a_list_that_is_behind_takes_nothing_away() -> None:
    behind = with_executions(says("10", average="10.6"), [fill("a", "4", "10")])

    assert (behind.filled_quantity, behind.filled_avg_price) == (10, Decimal("10.6"))
    assert with_executions(says("10"), []) == says("10")
