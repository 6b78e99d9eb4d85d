"""What a run's orders add up to, and the one word that says it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.trading.order.states import NEVER_SENT, REFUSED, STATES, UNRESOLVED
from include.trading.plan.reasons import NO_CHANGE_WANTED
from include.trading.run.outcome import (
    OrderFact,
    RunCounts,
    changes_undecided,
    changes_wanted,
    count_orders,
    run_status,
    unequal,
    why_not_sent,
)

# Acknowledged or not, as the state allows.
FACTS = st.sampled_from(sorted(STATES)).flatmap(
    lambda state: st.builds(
        OrderFact,
        state=st.just(state),
        acknowledged=st.just(False)
        if state in NEVER_SENT
        else (st.booleans() if state in REFUSED | UNRESOLVED else st.just(True)),
    )
)


def counts(*orders: str) -> RunCounts:
    """Count orders given as states; `+` marks one that the gateway acknowledged."""
    return count_orders(OrderFact(state=order.removesuffix("+"), acknowledged=order.endswith("+")) for order in orders)


def test_orders_are_counted_by_what_became_of_them() -> None:
    found = counts(
        *("filled+", "canceled+", "open+", "dry_run+"),
        *("rejected", "rejected+"),
        *("unknown", "sending", "unknown+"),
        *("planned", "denied", "not_sent"),
    )

    assert found == RunCounts(
        planned=12,
        denied=1,
        not_sent=1,
        waiting=1,
        submitted=9,
        accepted=5,
        refused=1,
        rejected=2,
        unknown=3,
        filled=1,
        done=2,
        open=1,
    )
    assert unequal(found) is None


@given(st.lists(FACTS))
def test_the_books_of_any_orders_are_equal(orders: list[OrderFact]) -> None:
    found = count_orders(orders)

    assert unequal(found) is None
    assert found.planned == len(orders)
    assert found.filled <= found.done <= found.submitted


def test_an_order_that_was_sent_and_is_neither_taken_nor_refused_nor_unknown_makes_the_books_unequal() -> None:
    assert unequal(counts("filled")) == "submitted 1, but acknowledged + refused + unknown = 0"


def test_an_order_missing_from_every_count_makes_the_books_unequal() -> None:
    wrong = counts("denied").model_copy(update={"denied": 0})

    assert unequal(wrong) == "planned 1, but denied + not sent + waiting + submitted = 0"


@pytest.mark.parametrize("reason", sorted(NO_CHANGE_WANTED))
def test_a_skip_that_wanted_no_change_does_not_count(reason: str) -> None:
    assert changes_wanted([("skipped", reason)]) == 0


def test_changes_wanted_are_orders_denials_and_other_skips() -> None:
    rows: Sequence[tuple[str, str | None]] = [
        ("order", None),
        ("denied", "order_notional"),
        ("skipped", "price_stale"),
        ("unchanged", None),
        ("skipped", "inside_band"),
    ]

    assert changes_wanted(rows) == 3


def status(
    *orders: str,
    sends: bool = True,
    mapped: bool = True,
    wanted: int | None = None,
    ordered: int | None = None,
    broken: bool = False,
) -> str:
    return run_status(
        sends=sends,
        mapped=mapped,
        wanted=len(orders) if wanted is None else wanted,
        ordered=len(orders) if ordered is None else ordered,
        counts=counts(*orders),
        broken=broken,
    )


@pytest.mark.parametrize("orders", [["filled+"], ["filled+", "filled+"], ["dry_run+", "dry_run+"]])
def test_a_run_whose_orders_are_all_done_completed(orders: list[str]) -> None:
    assert status(*orders) == "completed"


@pytest.mark.parametrize("sends", [True, False])
def test_a_run_that_wanted_no_change_completed(sends: bool) -> None:
    assert status(sends=sends, wanted=0) == "completed"


@pytest.mark.parametrize(
    "other",
    [
        *("rejected", "rejected+", "denied", "canceled+", "expired+", "done_for_day+", "replaced+", "not_sent"),
        *("open+", "planned", "failed"),
    ],
)
def test_one_order_that_is_not_done_beside_a_filled_one_is_partial(other: str) -> None:
    assert status("filled+", other) == "partial"


def test_a_symbol_skipped_or_denied_while_planning_is_partial_too() -> None:
    assert status("filled+", wanted=2) == "partial"


@pytest.mark.parametrize("orders", [["rejected", "rejected"], ["denied"], ["not_sent", "not_sent"], ["planned"]])
def test_changes_wanted_and_none_acknowledged_is_failed(orders: list[str]) -> None:
    assert status(*orders) == "failed"


def test_all_skipped_is_failed() -> None:
    assert status(wanted=3, ordered=0) == "failed"


@pytest.mark.parametrize("unresolved", sorted(UNRESOLVED))
def test_an_order_without_a_known_outcome_is_failed_whatever_else_filled(unresolved: str) -> None:
    assert status("filled+", unresolved) == "failed"


def test_a_break_is_failed_whatever_filled() -> None:
    assert status("filled+", broken=True) == "failed"


@pytest.mark.parametrize("sends", [True, False])
def test_a_run_that_never_came_to_planning_is_failed(sends: bool) -> None:
    assert status(sends=sends, mapped=False, wanted=0) == "failed"


def test_a_run_that_never_sends_completed_when_it_planned() -> None:
    assert status(sends=False, wanted=3, ordered=2) == "completed"
    assert status(sends=False, wanted=3, ordered=0) == "failed"


@pytest.mark.parametrize(
    ("sends", "wanted", "orders", "undecided", "status"),
    [
        (True, 0, (), 1, "partial"),
        (True, 1, ("filled+",), 1, "partial"),
        (True, 1, ("filled+",), 0, "completed"),
        (True, 1, ("rejected",), 1, "failed"),
        (False, 1, (), 1, "partial"),
        (False, 0, (), 1, "partial"),
    ],
)
def test_a_holding_without_a_decision_makes_no_run_fail_and_none_whole(
    sends: bool, wanted: int, orders: tuple[str, ...], undecided: int, status: str
) -> None:
    found = run_status(
        sends=sends,
        mapped=True,
        wanted=wanted,
        ordered=wanted,
        counts=counts(*orders),
        broken=False,
        undecided=undecided,
    )

    assert found == status


def test_a_symbol_that_the_answer_left_out_wants_no_change_and_is_undecided_only_when_held() -> None:
    rows = [("skipped", "signal_missing"), ("skipped", "signal_missing_flat"), ("order", None)]

    assert (changes_wanted(rows), changes_undecided(rows)) == (1, 1)


def test_a_run_says_why_orders_were_not_sent_the_most_frequent_reason_first() -> None:
    rows = [
        ("denied", "order_notional"),
        *[("denied", "price_distance")] * 2,
        ("order", None),
        ("unchanged", None),
        ("skipped", "price_stale"),
    ]

    assert why_not_sent([("not_sent", "send_until_passed"), ("filled", None)], rows) == [
        "1 of 5 orders not sent: send_until_passed 1",
        "3 of 5 orders denied: price_distance 2, order_notional 1",
        "1 of 5 orders skipped: price_stale 1",
    ]
