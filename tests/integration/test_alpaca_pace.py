"""The account's rate limit at Alpaca: shared by every task, kept for look-ups, and known before a plan is frozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from include.execution.orders.submit import submit_order
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.errors import InvalidData, Unauthorized
from include.trading.strategy.spec import Strategy
from tests.support.engine import plan_of, sandbox_strategy
from tests.support.trading import Trade

LIMIT = 60


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(alpaca_rate_limit=LIMIT) as running:
        yield running


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    trade = Trade.begin(ledger_url, sandbox, "alpaca")
    trade.strategy = sandbox_strategy()
    return trade


class Counter:
    """Counts the account's requests by what the emulator says is left of them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._client = httpx.Client(base_url=sandbox.alpaca_url, headers=sandbox.alpaca_headers)
        self._before = self._left()

    def _left(self) -> int:
        return int(self._client.get("/v2/clock").headers["X-RateLimit-Remaining"])

    def use(self, *, leave: int) -> None:
        while self._left() > leave:
            pass

    def count(self) -> int:
        """Return how many requests others have sent since it was asked last."""
        before, self._before = self._before, self._left()
        return before - self._before - 1


@pytest.fixture
def requests(sandbox: Sandbox, trade: Trade) -> Iterator[Counter]:
    counter = Counter(sandbox)
    yield counter
    counter._client.close()


def test_tasks_of_an_account_read_it_once_in_fifteen_seconds(trade: Trade, requests: Counter) -> None:
    _, orders = trade.plan()
    requests.count()

    for order in orders:
        trade.submit(order)
    assert requests.count() == len(orders) == 4

    trade.engine = replace(trade.engine, clock_offset=timedelta(seconds=16))
    _, (order, *_) = trade.plan("again", revision=2, flatten=True)
    requests.count()
    trade.engine = replace(trade.engine, clock_offset=timedelta(seconds=32))
    trade.submit(order)
    assert requests.count() == 2


def test_what_was_said_to_other_keys_counts_for_none(trade: Trade) -> None:
    _, (order, *_) = trade.plan()
    trade.engine = replace(trade.engine, alpaca_key=("PKOTHER", "secret"))

    with pytest.raises(Unauthorized):
        trade.submit(order)

    assert trade.posts() == 0


def test_with_a_tenth_of_the_limit_left_every_task_waits_for_the_reset(trade: Trade, requests: Counter) -> None:
    _, orders = trade.plan()
    requests.use(leave=LIMIT // 10 + 1)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        later = timedelta(seconds=seconds)
        desk.ledger.clock_offset += later
        trade.admin.settings(clock_offset_seconds=desk.ledger.clock_offset.total_seconds())

    trade.submit(orders[0])
    with trade.engine.desk() as desk:
        desk.sleep, desk.settings = sleep, desk.settings.model_copy(update={"longest_wait_seconds": 90})
        submit_order(desk, plan_of(desk, orders[1].client_order_id), orders[1].client_order_id)

    row = trade.account()
    assert (row.pause_reason or "").startswith("rate limit: ")
    assert row.gateway_paused_until is not None
    assert 1 <= sum(slept) <= 61
    assert len(trade.broker_orders()) == 2


def of_generated(number: int, id: str = "generated") -> Strategy:
    """Return a strategy that buys so many symbols, one order a minute; the sandbox's window is ten minutes."""
    symbols = tuple(f"GEN{place:03}" for place in range(1, number + 1))
    return sandbox_strategy(id=id, symbols=symbols, top_n=number, bottom_n=0, orders={"per_minute": 1})


def test_a_plan_that_cannot_be_sent_in_its_window_is_refused_before_it_is_frozen(trade: Trade) -> None:
    trade.strategy = of_generated(11)

    with pytest.raises(InvalidData, match=r"needs 11 requests \(11 orders\), 10 fit until .* at 1 a minute: raise"):
        trade.plan()

    with trade.engine.ledger() as ledger:
        assert ledger.plans.open_plans(trade.engine.account) == []


def test_what_the_accounts_other_plans_still_send_counts_too(trade: Trade) -> None:
    trade.plan()
    trade.strategy = of_generated(7)

    with pytest.raises(InvalidData, match=r"needs 11 requests \(7 orders and 4 of the account's other plans\)"):
        trade.plan("second")

    trade.strategy = of_generated(6)
    assert len(trade.plan("third")[1]) == 6


def test_closing_everything_is_not_refused_for_the_pace(trade: Trade) -> None:
    run, orders = trade.plan()
    trade.engine.submit_all(orders)
    trade.engine.track(run)
    other = of_generated(10)
    trade.engine.plan(trade.engine.identity("other"), other)
    trade.strategy = sandbox_strategy(orders={"per_minute": 1})

    flat, closing = trade.plan("flat", revision=2, flatten=True)

    assert len(closing) == 4
    assert flat.plan_id is not None
    with trade.engine.ledger() as ledger:
        plan = ledger.plans.get(flat.plan_id)
    assert plan is not None
    (note,) = (note for note in plan.parameters["money"]["notes"] if "the plan needs 14 requests" in note)
    assert "closing begins all the same" in note
    assert "nothing was frozen" not in note
