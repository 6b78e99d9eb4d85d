"""What a person books is counted once, at the price that was meant, and never made up for somebody else's shares."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from include.execution.desk import Desk
from include.execution.duty.account import adopt, resume
from include.execution.duty.corrections import correct, undo
from include.execution.duty.settlement import Outcome, Settled, Verdict, settle
from include.execution.orders.resolve import look_again
from include.execution.steps.track_fills import refresh_orders
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.account.books import Book
from include.trading.account.corrections import HandFill, MoveFrom, Quantity, Ratio, parse_quantity, parse_ratio
from include.trading.errors import InvalidData
from include.trading.order.row import Intent
from tests.support.trading import Trade

ACCOUNT = "sandbox"


@pytest.fixture(scope="module")
def v2() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, v2: Sandbox) -> Trade:
    found = Trade.begin(ledger_url, v2, "v2")
    found.admin.settings(fill_after_seconds=3600)
    return found


def bought(trade: Trade, quantity: int | None = None) -> Intent:
    """Buy so many shares of one order, by default all of it."""
    _, order = trade.plan_one()
    order = trade.submit(order)
    trade.admin.order(order.gateway_order_id, fill=quantity or int(order.quantity))
    return asked(trade, order)


def asked(trade: Trade, order: Intent) -> Intent:
    """Ask once what became of the order."""
    with trade.engine.desk() as desk:
        refresh_orders(desk, desk.ledger.orders.live(ACCOUNT))
    return trade.order(order)


def ended(trade: Trade, status: str) -> Intent:
    _, order = trade.plan_one()
    order = trade.submit(order)
    trade.admin.order(order.gateway_order_id, status=status)
    return asked(trade, order)


def book_of(desk: Desk, order: Intent) -> Book:
    plan = desk.ledger.plans.get(order.plan_id)
    assert plan is not None
    return desk.ledger.movements.book(ACCOUNT, strategy_id=order.strategy_id, mode="paper", session=plan.session_date)


def settled(trade: Trade, order: Intent, verdict: Verdict) -> Settled:
    """Settle an order of which the gateway tells nothing."""
    trade.admin.fault("plain_500", match={"method": "GET", "path": "/api/v1/orders/"}, times=20)
    with trade.engine.desk(actor="ann") as desk:
        (done,) = settle(desk, ACCOUNT, [order.client_order_id], verdict, gateway_silent=True).orders
    trade.admin.clear_faults()
    return done


def test_shares_booked_by_hand_are_not_expected_once_more_when_the_order_is_followed_again(trade: Trade) -> None:
    order = bought(trade, 300)
    trade.admin.order(order.gateway_order_id, status="canceled")
    order = asked(trade, order)
    rest = order.quantity - 300
    trade.admin.positions(**{order.symbol: int(rest)})
    with trade.engine.desk(actor="ann") as desk:
        fill = HandFill(order.client_order_id, rest, Decimal(12))
        correct(desk, ACCOUNT, None, None, fill, reason="the broker's own page shows it")
        before = book_of(desk, order)
    trade.admin.order(order.gateway_order_id, status="suspended")
    with trade.engine.desk(actor="ann") as desk:
        assert look_again(desk, trade.order(order)).state == "open"
        breaks = [found.id for found in desk.ledger.books.open_breaks(ACCOUNT)]
        resume(desk.ledger, ACCOUNT, actor="ann", reason="seen", breaks=breaks, settings=desk.settings)
        book = book_of(desk, order)

    assert book.held == {order.symbol: order.quantity} and book.working == {}
    assert before.traded == order.price * order.quantity
    assert trade.plan("again", revision=2)[1] == []


def test_what_a_person_settles_costs_what_the_average_of_all_implies(trade: Trade) -> None:
    order = bought(trade, 300)

    assert settled(trade, order, Verdict("canceled", "told by phone", Decimal(600), Decimal(10))).settled

    order, fills = trade.order(order), trade.fills(order)
    assert (order.filled_quantity, order.filled_avg_price) == (600, 10)
    assert sum(fill["quantity"] * fill["price"] for fill in fills) == 600 * 10


def test_an_average_that_leaves_what_is_added_no_price_is_refused(trade: Trade) -> None:
    order = bought(trade, 300)

    done = settled(trade, order, Verdict("canceled", "told by phone", Decimal(301), Decimal(1)))

    assert not done.settled and "the average in USD of all 301 shares" in done.words
    assert trade.order(order).filled_quantity == 300 and len(trade.fills(order)) == 1


def test_an_order_that_is_settled_a_second_time_keeps_its_fills_and_its_quantity_equal(trade: Trade) -> None:
    order = bought(trade, 300)
    settled(trade, order, Verdict("canceled", "told by phone", Decimal(600), Decimal(12)))
    with trade.engine.desk(actor="ann") as desk:
        # The gateway has it open still.
        assert look_again(desk, trade.order(order)).state == "open"

    assert settled(trade, order, Verdict("filled", "told again", order.quantity, Decimal(12))).settled

    assert sum(fill["quantity"] for fill in trade.fills(order)) == trade.order(order).filled_quantity == order.quantity


@pytest.mark.parametrize("outcome", ["canceled", "expired"])
def test_an_order_that_filled_whole_is_settled_as_filled_whatever_the_word(trade: Trade, outcome: Outcome) -> None:
    order = bought(trade, 300)

    assert settled(trade, order, Verdict(outcome, "told by phone", order.quantity, Decimal(12))).state == "filled"


def test_a_move_is_not_undone_once_what_was_moved_is_gone(trade: Trade) -> None:
    order = bought(trade)
    with trade.engine.desk(actor="ann") as desk:
        moved = correct(desk, ACCOUNT, "new_name", None, MoveFrom(order.strategy_id), reason="renamed")
        trade.admin.positions(**{order.symbol: -int(order.quantity)})
        correct(desk, ACCOUNT, "new_name", order.symbol, Quantity(Decimal(0)), reason="sold by hand")

        with pytest.raises(InvalidData, match="expected strategy new_name to hold"):
            undo(desk, ACCOUNT, moved.id, reason="a mistake")

        assert desk.ledger.movements.holdings(ACCOUNT) == []


@pytest.mark.parametrize("status", ["rejected", "canceled"])
def test_what_an_order_that_ended_may_have_filled_is_not_adopted_without_the_word(trade: Trade, status: str) -> None:
    order = ended(trade, status)
    trade.admin.positions(**{order.symbol: int(order.quantity)})

    with (
        trade.engine.desk(actor="ann") as desk,
        pytest.raises(InvalidData, match=rf"order {order.client_order_id} .* ended {status} with 0 filled.*--not-ours"),
    ):
        adopt(desk, ACCOUNT, order.symbol, reason="found at the broker")

    with trade.engine.desk(actor="ann") as desk:
        assert adopt(desk, ACCOUNT, order.symbol, reason="theirs", not_ours=True).baseline == order.quantity


def test_what_an_order_that_ended_filled_late_is_booked_before_anything_is_adopted(trade: Trade) -> None:
    order = ended(trade, "canceled")
    trade.admin.order(order.gateway_order_id, fill=int(order.quantity))

    with trade.engine.desk(actor="ann") as desk, pytest.raises(InvalidData, match="nothing to adopt"):
        adopt(desk, ACCOUNT, order.symbol, reason="found at the broker")

    assert trade.order(order).filled_quantity == order.quantity


@pytest.mark.parametrize("wanted", [Ratio(parse_ratio("999999999/0.000000001")), Quantity(parse_quantity("9" * 15))])
def test_more_shares_than_a_plan_may_have_are_not_corrected_to(trade: Trade, wanted: Ratio | Quantity) -> None:
    order = bought(trade)

    with trade.engine.desk(actor="ann") as desk, pytest.raises(InvalidData, match="at most 1000000000 shares"):
        correct(desk, ACCOUNT, order.strategy_id, order.symbol, wanted, reason="a split", against_gateway=True)


def test_no_split_writes_off_what_the_gateway_holds(trade: Trade) -> None:
    order = bought(trade)
    ratio = Ratio(parse_ratio("0.000000001/999999999"))

    with trade.engine.desk(actor="ann") as desk, pytest.raises(InvalidData, match="would leave nothing of"):
        correct(desk, ACCOUNT, order.strategy_id, order.symbol, ratio, reason="a split", against_gateway=True)


def test_a_refused_split_names_what_was_adopted(trade: Trade) -> None:
    order = bought(trade)
    trade.admin.positions(**{order.symbol: 100})
    with trade.engine.desk(actor="ann") as desk:
        adopt(desk, ACCOUNT, order.symbol, reason="theirs", not_ours=True)
        trade.admin.positions(**{order.symbol: 9 * int(order.quantity) + 900})

        with pytest.raises(InvalidData, match=r"100 of them adopted as not ours.*adopt --quantity NUMBER --not-ours"):
            correct(desk, ACCOUNT, order.strategy_id, order.symbol, Ratio(parse_ratio("10")), reason="a split")
