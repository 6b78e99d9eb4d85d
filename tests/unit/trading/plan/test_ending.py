"""What becomes of open orders at the end of the sending window follows from the file and from what the venue can."""

from __future__ import annotations

import pytest

from include.trading.errors import InvalidData
from include.trading.plan.ending import at_send_until, cancels_at_send_until
from tests.support.planning import strategy


@pytest.mark.parametrize(
    ("asked", "can_cancel", "done"),
    [
        (None, True, "cancel"),
        (None, False, "leave"),
        ("cancel", True, "cancel"),
        ("leave", True, "leave"),
        ("leave", False, "leave"),
    ],
)
def test_open_orders_are_canceled_where_the_venue_can_unless_they_are_to_be_left(
    asked: str | None, can_cancel: bool, done: str
) -> None:
    assert at_send_until(strategy(orders={"at_send_until": asked}), can_cancel=can_cancel) == done


def test_a_cancel_that_the_venue_does_not_have_is_refused_in_one_sentence() -> None:
    with pytest.raises(InvalidData, match=r"expected orders\.at_send_until to be leave.*execution_gateway.*got cancel"):
        at_send_until(strategy(orders={"at_send_until": "cancel"}), can_cancel=False)


@pytest.mark.parametrize(
    ("parameters", "cancels"), [({}, False), ({"at_send_until": "leave"}, False), ({"at_send_until": "cancel"}, True)]
)
def test_a_plan_does_what_it_was_frozen_with_and_an_older_one_leaves_its_orders(
    parameters: dict[str, str], cancels: bool
) -> None:
    assert cancels_at_send_until(parameters) is cancels
