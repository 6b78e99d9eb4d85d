"""What the reliability proof once found, each as the smallest course that shows it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from include.adapters.venues.gateway.client import GatewayClient
from include.execution import faultpoints as points
from include.execution.orders.reports import apply_report
from include.execution.orders.resolve import look_up
from include.execution.orders.submit import submit_order
from include.ledger.gate import Traffic
from include.ledger.ledger import Ledger
from include.sandbox.runner import Sandbox
from include.trading.errors import BookMismatch, LedgerUnavailable, OutcomeUnknown, TradingError
from include.trading.models import Fill, OrderReport
from include.trading.order.row import Intent
from include.trading.strategy.spec import Strategy
from tests.bench.strategies import entry
from tests.support.engine import sandbox_strategy
from tests.support.trading import QUICK, Trade

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(params=["v1", "v2"])
def trade(request: pytest.FixtureRequest, ledger_url: str) -> Trade:
    return Trade.begin(ledger_url, request.getfixturevalue(request.param), request.param)


@pytest.fixture
def trade_v2(ledger_url: str, v2: Sandbox) -> Trade:
    return Trade.begin(ledger_url, v2, "v2")


@pytest.fixture
def trade_v1(ledger_url: str, v1: Sandbox) -> Trade:
    return Trade.begin(ledger_url, v1, "v1")


def test_a_refusal_that_was_none_is_a_break(trade_v2: Trade) -> None:
    trade_v2.admin.fault("rejected_but_live", times=1)
    run, order = trade_v2.plan_one()

    assert trade_v2.submit(order).state == "rejected"
    closed = trade_v2.engine.track(run)

    assert "final_changed" in {found.kind for found in trade_v2.breaks()}
    assert (closed.status, trade_v2.account().state) == ("failed", "halted")


def test_a_refusal_of_v1_without_a_brokers_id_is_followed_to_the_fill(trade_v1: Trade) -> None:
    trade_v1.admin.fault("rejected_but_live", times=1)
    run, order = trade_v1.plan_one()

    with suppress(OutcomeUnknown):
        assert trade_v1.submit(order).state != "rejected"
    closed = trade_v1.engine.track(run)

    assert (trade_v1.order(order).state, closed.status, trade_v1.breaks()) == ("filled", "completed", [])


def test_a_second_post_answered_filled_is_no_contradiction(trade: Trade) -> None:
    """The answer to a POST has no filled quantity: it was read as 'filled with 0'."""
    trade.admin.fault("not_found_for_seconds", times=1, seconds=1.5, reset=True)
    run, order = trade.plan_one()

    trade.submit(order)
    closed = trade.engine.track(run)

    assert trade.order(order).state == "filled"
    assert (trade.order(order).filled_quantity, len(trade.broker_orders())) == (order.quantity, 1)
    assert (closed.status, trade.breaks()) == ("completed", [])


def test_a_fill_after_the_cancel_is_booked_when_the_run_is_closed(trade: Trade) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    run, order = trade.plan_one()
    trade.submit(order)
    (at_broker,) = trade.broker_orders()
    trade.admin.order(at_broker["broker_order_id"], fill=3)
    trade.admin.order(at_broker["broker_order_id"], status="canceled")
    trade.engine.track(run)
    trade.admin.order(at_broker["broker_order_id"], fill=2)

    closed = trade.engine.track(run)

    assert (trade.order(order).state, trade.order(order).filled_quantity) == ("canceled", 5)
    assert (closed.status, trade.account().state) == ("partial", "active")


def test_reduce_only_ends_by_itself_when_the_run_is_closed(ledger_url: str, v2: Sandbox) -> None:
    trade = Trade.begin(ledger_url, v2, "v2", QUICK.model_copy(update={"unresolved_seconds": 0.05}))
    trade.admin.fault("reset_after_accept", times=1)
    trade.admin.fault("plain_500", match={"method": "GET", "path": "/api/v1/orders/"})
    run, order = trade.plan_one()
    for _ in range(2):
        with pytest.raises(TradingError):
            trade.submit(order)
    assert trade.account().state == "reduce_only"
    trade.admin.clear_faults()

    trade.engine.track(run)

    assert (trade.order(order).state, trade.account().state) == ("filled", "active")


def test_what_another_run_filled_meanwhile_is_no_difference_of_positions(trade: Trade) -> None:
    """Revision 1 was closed while an order of revision 2 had filled and no task had looked yet."""
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=1, bottom_n=0, order_basis="target")
    first, order = trade.plan_one()
    trade.submit(order)
    trade.engine.track(first)
    bigger = trade.strategy.model_copy(update={"max_position_size": trade.strategy.max_position_size * 2})
    second, orders = trade.engine.plan(trade.engine.identity("two"), bigger, revision=2)
    for one in orders:
        trade.submit(one)
    trade.until_broker_filled()

    closed = trade.engine.track(first)

    assert orders
    assert second.revision == 2
    assert (closed.status, trade.breaks(), trade.account().state) == ("completed", [], "active")


def test_an_order_another_worker_sent_meanwhile_is_no_break_in_v1(trade_v1: Trade) -> None:
    """v1 looks before its first POST: what it found was taken for an order that we never sent."""
    _, order = trade_v1.plan_one()

    class Overtaken(GatewayClient):
        """A gateway that another worker is faster at, once."""

        faster = True

        def order(self, gateway_order_id: str) -> OrderReport | None:
            if self.faster:
                self.faster = False
                trade_v1.submit(order)
            return super().order(gateway_order_id)

    with trade_v1.engine.desk() as desk:
        desk.reader = Overtaken(trade_v1.engine.endpoint("execution_gateway"), correlation_id="test")
        with desk.reader:
            sent = submit_order(desk, order.plan_id, order.client_order_id)

    assert sent.state in ("open", "filled")
    assert (trade_v1.breaks(), trade_v1.posts()) == ([], 1)


def test_a_404_that_was_asked_for_too_early_proves_nothing_however_late_it_is_booked(
    ledger_url: str, v2: Sandbox
) -> None:
    patient = QUICK.model_copy(update={"look_up_seconds": 0.0, "absent_proof_seconds": 60.0})
    trade = Trade.begin(ledger_url, v2, "v2", patient)
    trade.admin.fault("reset_before_body", times=1)
    _, order = trade.plan_one()
    with pytest.raises(OutcomeUnknown):
        trade.submit(order)
    assert trade.order(order).not_found_count == 1

    with trade.engine.desk() as desk:

        class StandsStill(GatewayClient):
            """A gateway whose answer reaches a worker that stood still for longer than a proof takes."""

            def order(self, gateway_order_id: str) -> OrderReport | None:
                answer = super().order(gateway_order_id)
                desk.ledger.clock_offset += timedelta(seconds=61)
                return answer

        desk.reader = StandsStill(trade.engine.endpoint("execution_gateway"), correlation_id="test")
        with desk.reader:
            early = look_up(desk, trade.order(order))
            late = look_up(desk, early)

    assert (early.state, late.state) == ("unknown", "planned")


def test_a_v1_gateway_that_makes_other_ids_than_we_compute_is_a_break(trade_v1: Trade) -> None:
    # At noon in New York it is tomorrow on Kiritimati. Just before midnight ids of both days would be ours.
    now = datetime.now(UTC)
    noon = datetime.combine(now.astimezone(NEW_YORK).date(), time(12), NEW_YORK)
    trade_v1.engine.clock_offset = noon - now
    trade_v1.admin.settings(
        clock_offset_seconds=trade_v1.engine.clock_offset.total_seconds(), broker_timezone="Pacific/Kiritimati"
    )
    _, order = trade_v1.plan_one()

    trade_v1.submit(order)

    assert [found.kind for found in trade_v1.breaks()] == ["other_id"]
    assert trade_v1.account().state == "halted"


def test_an_acknowledgement_has_the_time_of_the_databases_clock(trade: Trade) -> None:
    _, order = trade.plan_one()
    with trade.engine.ledger() as ledger:
        before = ledger.now()
        with trade.engine.desk() as desk:
            ended = submit_order(desk, order.plan_id, order.client_order_id)
        stored = ledger.orders.get(order.client_order_id)

        assert stored is not None
        assert stored.acknowledged_at is not None
        assert before < stored.acknowledged_at < ledger.now()
        assert ended.acknowledged_at == stored.acknowledged_at


def test_a_worker_that_waited_at_the_gate_sees_what_was_stored_meanwhile(trade: Trade) -> None:
    run, order = trade.plan_one()
    assert run.plan_id is not None
    plan_id = run.plan_id

    def enter() -> Traffic:
        with trade.engine.ledger() as ledger:
            found = ledger.read_order(plan_id, order.client_order_id)
            assert found is not None
            with ledger.locked_order(found[0], order.client_order_id, []) as locked:
                return locked.traffic

    with trade.engine.ledger() as holder, ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            holder.accounts.lock(order.account)
            waiting = pool.submit(enter)
            with trade.engine.ledger() as watcher:
                until_somebody_waits_for_a_lock(watcher, waiting)
            holder.connection.execute(
                "UPDATE order_intents SET state = 'unknown', unknown_since = clock_timestamp() WHERE id = %s",
                [order.id],
            )
            stored_at = holder.now()
        traffic = waiting.result()

    assert traffic.unresolved_since is not None
    assert traffic.unresolved_since < stored_at < traffic.now


def until_somebody_waits_for_a_lock(watcher: Ledger, worker: Future[Traffic]) -> None:
    query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while watcher.connection.execute(query).fetchone() is None:
        assert not worker.done(), "the worker did not wait"


def test_a_broker_day_that_ends_on_the_way_to_the_gate_changes_the_ids_to_look_up(
    trade_v1: Trade, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    midnight = datetime.combine(now.astimezone(NEW_YORK).date() + timedelta(days=1), time(0), NEW_YORK)
    before = midnight - timedelta(minutes=7) - now
    trade_v1.engine.clock_offset = before
    trade_v1.admin.settings(clock_offset_seconds=before.total_seconds())
    trade_v1.admin.fault("reset_after_accept", times=1)
    _, order = trade_v1.plan_one()

    with trade_v1.engine.desk() as desk:

        def held_up(point: str) -> None:
            if point == "before_claim":
                after = before + timedelta(minutes=8)
                desk.ledger.clock_offset = after
                trade_v1.admin.settings(clock_offset_seconds=after.total_seconds())

        monkeypatch.setattr(points, "on_reach", held_up)
        sent = submit_order(desk, order.plan_id, order.client_order_id)

    assert sent.state in ("open", "filled")
    assert (trade_v1.posts(), len(trade_v1.broker_orders()), trade_v1.breaks()) == (1, 1, [])


def test_fills_are_booked_while_another_worker_holds_the_account_and_wants_the_order(trade: Trade) -> None:
    """A fill refers to its account: to wait for that row with the order's in hand was a deadlock."""
    trade.admin.settings(fill_after_seconds=3600)
    _, order = trade.plan_one()
    sent = trade.submit(order)
    fill = Fill(fill_id="f1", quantity=Decimal(1), price=Decimal(100))

    def book() -> Intent:
        with trade.engine.ledger() as ledger:
            return ledger.orders.save(sent, event="tracked", actor="test", filled_quantity=Decimal(1), fills=[fill])

    with trade.engine.ledger() as ledger, trade.engine.ledger() as watcher, ThreadPoolExecutor(1) as pool:
        with ledger.transaction():
            ledger.accounts.lock(sent.account)
            booked = pool.submit(book)
            while not (booked.done() or _somebody_waits_for_a_lock(watcher)):
                pass
            ledger.orders.lock(sent.client_order_id)
        assert booked.result().filled_quantity == 1

    assert [row["fill_id"] for row in trade.fills(order)] == ["f1"]


def test_a_changed_order_is_returned_as_the_ledger_has_it(trade: Trade) -> None:
    """With the columns that the database itself decides on, and with prices as it rounds them."""
    trade.admin.settings(fill_after_seconds=3600)
    _, order = trade.plan_one()
    sent = trade.submit(order)
    changes = {"filled_quantity": Decimal(1), "filled_avg_price": Decimal("100.12345678")}

    with trade.engine.ledger() as ledger:
        saved = ledger.orders.save(sent, event="tracked", actor="test", **changes)
        final = ledger.orders.save(saved, event="tracked", actor="test", state="canceled")
        stored = ledger.orders.get(order.client_order_id)

    assert (sent.version + 1, saved.filled_avg_price) == (saved.version, Decimal("100.123457"))
    assert final.final_at is not None
    assert final == stored


@pytest.mark.parametrize("changed_meanwhile", [False, True])
def test_the_gateway_gives_two_orders_one_id(trade: Trade, changed_meanwhile: bool) -> None:
    trade.admin.settings(fill_after_seconds=3600)
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=2, bottom_n=0)
    _, (first, second) = trade.plan()
    held = trade.submit(first).gateway_order_id
    with trade.engine.desk() as desk:
        report = desk.gateway.order(trade.order(first).gateway_order_id or "")
        assert report is not None
        theirs = report.model_copy(
            update={
                "symbol": second.symbol,
                "side": second.side,
                "quantity": Decimal(second.quantity),
                "status": "new",
                "filled_quantity": Decimal(0),
                "fills": (),
            }
        )
        sending = desk.ledger.orders.save(second, event="sending", actor="test", state="sending", attempt=1)
        if changed_meanwhile:
            desk.ledger.orders.save(sending, event="outcome_unknown", actor="test", state="unknown")

        with pytest.raises(BookMismatch, match=f"{held} is held by order {first.client_order_id} already"):
            apply_report(desk, sending, theirs, "answered")

    assert [found.kind for found in trade.breaks()] == ["id_held"]
    assert (trade.account().state, trade.order(second).gateway_order_id) == ("halted", None)


def test_a_fill_waits_for_another_order_at_the_gate_without_its_own_orders_row(trade: Trade) -> None:
    """It moves the account's book, whose row the gate holds; while it waits it keeps no task from the order."""
    trade.admin.settings(fill_after_seconds=3600)
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO"), top_n=2, bottom_n=0)
    _, (first, second) = trade.plan()
    sent = trade.submit(first)
    fill = Fill(fill_id="f1", quantity=Decimal(1), price=Decimal(100))

    def book() -> Intent:
        with trade.engine.ledger() as ledger:
            return ledger.orders.save(sent, event="tracked", actor="test", filled_quantity=Decimal(1), fills=[fill])

    with trade.engine.ledger() as gate, trade.engine.ledger() as watcher, ThreadPoolExecutor(1) as pool:
        found = gate.read_order(second.plan_id, second.client_order_id)
        assert found is not None
        with gate.locked_order(found[0], second.client_order_id, []):
            booked = pool.submit(book)
            while not (booked.done() or _somebody_waits_for_a_lock(watcher)):
                pass
            assert not booked.done()
            watcher.connection.execute("SET lock_timeout = '5s'")
            watcher.orders.lock(first.client_order_id)
        assert booked.result().filled_quantity == 1


def test_the_gate_locks_the_account_before_the_plan_and_that_before_the_order(trade: Trade) -> None:
    _, order = trade.plan_one()

    def enter() -> Traffic:
        with trade.engine.ledger() as ledger:
            found = ledger.read_order(order.plan_id, order.client_order_id)
            assert found is not None
            with ledger.locked_order(found[0], order.client_order_id, []) as locked:
                return locked.traffic

    with trade.engine.ledger() as holder, trade.engine.ledger() as watcher, ThreadPoolExecutor(1) as pool:
        with holder.transaction():
            holder.plans.lock(order.plan_id)
            waiting = pool.submit(enter)
            until_somebody_waits_for_a_lock(watcher, waiting)
            with pytest.raises(LedgerUnavailable, match="held a row"):
                watcher.connection.execute("SELECT FROM accounts FOR NO KEY UPDATE NOWAIT")
            watcher.connection.execute("SELECT FROM order_intents FOR UPDATE NOWAIT")
        waiting.result()


def test_an_order_is_found_without_reading_the_others_of_its_plan(ledger_url: str, v2: Sandbox) -> None:
    """A database that has not counted a new ledger's rows yet took an index that all of them fit."""
    trade = Trade.begin(ledger_url, v2, "v2")
    trade.strategy = Strategy.model_validate(entry(100))
    _, orders = trade.plan()
    read = []
    with trade.engine.desk() as desk:
        # A statement's first plans are made for its values, those after it is prepared for any.
        for order in orders[:15]:
            submit_order(desk, order.plan_id, order.client_order_id)
            read.append(_rows_read(desk.ledger))

    assert len(orders) == 100
    assert max(after - before for before, after in pairwise(read)) < 20, read


def _rows_read(ledger: Ledger) -> int:
    """Return how many rows of orders were read in this database so far; no other test reads them meanwhile."""
    ledger.connection.execute("SELECT pg_stat_force_next_flush()")
    row = ledger.connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_user_tables WHERE relname = 'order_intents'"
    ).fetchone()
    assert row is not None
    return int(row["rows"])


def _somebody_waits_for_a_lock(ledger: Ledger) -> bool:
    return bool(
        ledger.connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchall()
    )
