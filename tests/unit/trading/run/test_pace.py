"""A plan is sent within what the venue takes, and one that cannot be sent in its window is refused with the numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.trading.models import Allowance
from include.trading.run.pace import cannot_fit, orders_a_minute, reserve

NOW = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


def allowed(limit: int) -> Allowance:
    return Allowance(limit=limit, left=limit, seconds_to_reset=60)


def refusal(orders: int, minutes: float, asked: int, limit: int | None = None, waiting: int = 0) -> str | None:
    return cannot_fit(
        orders=orders,
        waiting=waiting,
        now=NOW,
        send_until=NOW + timedelta(minutes=minutes),
        asked=asked,
        allowance=None if limit is None else allowed(limit),
    )


@pytest.mark.parametrize(("limit", "kept"), [(200, 20), (1_000_000, 100_000), (9, 1), (1, 1)])
def test_a_tenth_of_the_limit_is_kept_for_look_ups(limit: int, kept: int) -> None:
    assert reserve(allowed(limit)) == kept


@pytest.mark.parametrize(
    ("asked", "limit", "pace"), [(80, None, 80), (80, 200, 80), (500, 200, 180), (80, 80, 72), (80, 1, 1)]
)
def test_orders_are_sent_as_fast_as_asked_within_what_the_venue_takes(asked: int, limit: int | None, pace: int) -> None:
    assert orders_a_minute(asked, None if limit is None else allowed(limit)) == pace


@pytest.mark.parametrize(
    ("orders", "minutes", "waiting"), [(240, 3, 0), (240, 2.1, 0), (200, 3, 40), (0, 0, 0), (80, 0.01, 0)]
)
def test_a_plan_that_can_be_sent_in_its_window_is_not_refused(orders: int, minutes: float, waiting: int) -> None:
    assert refusal(orders, minutes, 80, waiting=waiting) is None


def test_one_order_more_than_fits_is_refused_with_the_numbers() -> None:
    assert refusal(241, 3, 80) == (
        "the plan needs 241 requests (241 orders), 240 fit until 14:33 UTC at 80 a minute: raise orders.send_minutes "
        "or orders.per_minute"
    )


def test_orders_that_wait_of_other_plans_count_too() -> None:
    assert "needs 241 requests (200 orders and 41 of the account's other plans)" in (
        refusal(200, 3, 80, None, 41) or ""
    )


def test_where_the_venue_is_the_limit_only_a_longer_window_helps() -> None:
    words = refusal(700, 3, 500, 200) or ""

    assert "540 fit until 14:33 UTC at 180 a minute" in words
    assert "raise orders.send_minutes, because the venue takes 200 requests a minute" in words
    assert "orders.per_minute" not in words
