"""The account's money at Alpaca's emulator, over sockets: capital by equity, increases by buying power."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from include.execution.preflight import blockers, check
from include.execution.steps.fetch_signals import fetch_signals
from include.execution.steps.map_orders import map_orders
from include.execution.steps.open_run import read_run
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import BadAnswer, InvalidData
from include.trading.order.row import Intent
from include.trading.run.row import Run
from include.trading.strategy.file import StrategyFile
from tests.support.engine import sandbox_strategy
from tests.support.trading import Trade

NOW = datetime.now(UTC)
CALENDAR = trading_calendar("XNYS", today=NOW.date())
# The newest session that is over for sure.
OVER = CALENDAR.previous(CALENDAR.current(NOW).day)
ACCOUNT = {"method": "GET", "path": "/v2/account"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(alpaca_rate_limit=0) as running:
        yield running


def by_equity(share: str = "0.5", **changes: Any) -> Any:
    equity = {"share": share, **changes.pop("bounds", {})}
    values = {"symbols": ("AAPL", "KO"), "top_n": 1, "bottom_n": 0, "max_position_size": {"capital": 1}}
    return sandbox_strategy(**values | {"capital": {"equity": equity}} | changes)


@pytest.fixture
def trade(ledger_url: str, sandbox: Sandbox) -> Trade:
    begun = Trade.begin(ledger_url, sandbox, "alpaca")
    begun.strategy = by_equity()
    begun.admin.settings(alpaca_cash=20_000)
    return begun


def money_of(trade: Trade, run: Run) -> dict[str, Any]:
    assert run.plan_id is not None
    with trade.engine.ledger() as ledger:
        plan = ledger.plans.get(run.plan_id)
    assert plan is not None
    return dict(plan.parameters["money"])


def fetched_then_mapped(trade: Trade, fault: str) -> tuple[Run, list[Intent]]:
    """Do each step in a task of its own; the fault meets the second one's question for the account."""
    engine = trade.engine
    run = engine.open(engine.identity("one"), trade.strategy)
    with engine.desk() as desk, engine.assembly().signals(trade.strategy, correlation_id="test") as source:
        signals = fetch_signals(desk, source, run)
    assert signals is not None
    trade.admin.fault(fault, service="alpaca", match=ACCOUNT)
    with engine.desk() as desk, engine.assembly().prices(trade.strategy, correlation_id="test") as market:
        intents = map_orders(desk, market, run, signals.signals, most_orders=1024)
        return read_run(desk.ledger, run.run_id), intents


def test_the_plan_is_sized_by_the_equity_and_keeps_the_number_it_came_from(trade: Trade) -> None:
    run, order = trade.plan_one()

    kept = money_of(trade, run)
    assert (run.capital, kept["capital"], kept["equity"]) == (10_000, "10000.00", "20000.00")
    assert order.quantity == 10_000 // order.price
    assert kept["notes"] == ["0.5 of the account's equity of 20000 USD is 10000 USD"]
    trade.submit(order)
    assert trade.engine.track(run).status == "completed"


def test_a_plan_that_is_mapped_again_stays_as_it_was_and_the_next_revision_has_todays_equity(trade: Trade) -> None:
    first, order = trade.plan_one()
    trade.admin.settings(alpaca_cash=40_000)

    again, same = trade.plan_one()
    other, adopted = trade.plan_one("two")
    newer, _ = trade.plan("three", revision=2)

    assert (again, same, adopted) == (first, order, order)
    assert (other.adopted, other.capital) == (True, 10_000)
    assert (newer.capital, money_of(trade, newer)["equity"]) == (20_000, "40000.00")


def test_a_run_may_use_less_of_the_equity(trade: Trade) -> None:
    run, intents = trade.plan(capital=3000, max_position_size=2000)

    assert run.capital == 3000
    assert all(order.quantity * order.price <= 2000 for order in intents)


def test_a_plan_ahead_is_not_sized_by_the_equity_of_another_account(trade: Trade) -> None:
    # The account is bound by its first run; then the keys lead to another account.
    trade.plan_one()
    trade.admin.settings(alpaca_account={"id": "8d2f7bb5-9b4f-4c2e-8f7c-000000000001"})

    run, _ = trade.plan("ahead", mode="plan")

    assert run.capital is None


def test_an_equity_below_at_least_plans_reductions_only(trade: Trade) -> None:
    trade.strategy = by_equity(bounds={"at_least": 10_001})

    run, intents = trade.plan()

    assert intents == []
    with trade.engine.ledger() as ledger:
        reasons = {row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}
    assert "account_equity" in reasons
    assert trade.engine.track(run).status == "failed"


@pytest.mark.parametrize("strategy", ["equity", "number"])
def test_an_account_that_does_not_answer_increases_nothing(trade: Trade, strategy: str) -> None:
    if strategy == "number":
        trade.strategy = by_equity(capital=10_000)

    run, intents = fetched_then_mapped(trade, "plain_500")

    assert (intents, run.capital) == ([], None if strategy == "equity" else 10_000)
    kept = money_of(trade, run)
    assert "500" in kept["unanswered"]
    with trade.engine.ledger() as ledger:
        reasons = {row["skip_reason"] for row in ledger.runs.mappings(run.run_id)}
    assert reasons & {"equity_unknown", "buying_power"}


@pytest.mark.parametrize("amount", ["1e20", "NaN", "Infinity", None, "many", True, {}])
@pytest.mark.parametrize("field", ["equity", "cash", "buying_power"])
def test_money_that_is_no_amount_is_a_bad_answer(trade: Trade, field: str, amount: Any) -> None:
    trade.admin.fault("field_is", service="alpaca", match=ACCOUNT, field=field, value=amount)

    with trade.engine.desk() as desk, pytest.raises(BadAnswer, match=field):
        desk.gateway.account()


def test_what_the_buying_power_does_not_cover_is_scaled_and_nothing_is_refused(trade: Trade) -> None:
    trade.strategy = sandbox_strategy(symbols=("AAPL", "KO", "JPM"), top_n=2, bottom_n=0, capital=100_000)
    trade.admin.settings(alpaca_cash=5000, alpaca_multiplier=1)

    run, intents = trade.plan()
    trade.engine.submit_all(intents)
    closed = trade.engine.track(run)

    assert len(intents) == 2
    assert sum(order.quantity * order.price for order in intents) * Decimal("1.05") <= 5000
    assert (closed.status, closed.num_orders_rejected, closed.num_orders_filled) == ("completed", 0, 2)
    with trade.engine.ledger() as ledger:
        rows = [row for row in ledger.runs.mappings(run.run_id) if row["outcome"] == "order"]
    assert all("of buying power are left" in row["detail"] for row in rows)
    assert any("scaled by" in note for note in money_of(trade, run)["notes"])


def test_deny_leaves_the_weakest_signal_out(trade: Trade) -> None:
    trade.strategy = sandbox_strategy(
        symbols=("AAPL", "KO", "JPM"), top_n=2, bottom_n=0, capital=100_000, when_short_of_money="deny"
    )
    trade.admin.settings(alpaca_cash=12_000, alpaca_multiplier=1)

    run, intents = trade.plan()

    assert len(intents) == 1
    with trade.engine.ledger() as ledger:
        denied = [row for row in ledger.runs.mappings(run.run_id) if row["outcome"] == "denied"]
    assert [row["skip_reason"] for row in denied] == ["buying_power"]


def asked_so_far(trade: Trade) -> int:
    """Return how many requests the emulator counted in this minute, this one included."""
    assert trade.engine.alpaca_key is not None
    login, secret = trade.engine.alpaca_key
    headers = {"APCA-API-KEY-ID": login, "APCA-API-SECRET-KEY": secret}
    answer = httpx.get(f"{trade.engine.gateway_url}/v2/clock", headers=headers)
    return int(answer.headers["X-RateLimit-Limit"]) - int(answer.headers["X-RateLimit-Remaining"])


def test_a_replay_plans_with_replay_capital_and_never_asks_the_venue(trade: Trade) -> None:
    trade.strategy = by_equity(replay_capital=70_000)
    trade.admin.settings(alpaca_rate_limit_per_minute=1000)
    before = asked_so_far(trade)

    identity = trade.engine.identity("past", "backfill", OVER.open)
    run, _ = trade.engine.plan(identity, trade.strategy)
    half, _ = trade.engine.plan(trade.engine.identity("half", "backfill", OVER.open), trade.strategy, capital=35_000)

    # Counted from 1 again when the minute ended between.
    assert asked_so_far(trade) in (before + 1, 1)
    assert (run.mode, run.capital, half.capital) == ("replay", 70_000, 35_000)
    with trade.engine.ledger() as ledger:
        rows = {row["symbol"]: row for row in ledger.runs.mappings(run.run_id)}
    assert any(row["outcome"] == "order" for row in rows.values())
    assert trade.posts() == 0


def test_a_replay_without_replay_capital_is_refused_with_the_line_to_write(trade: Trade) -> None:
    identity = trade.engine.identity("past", "backfill", OVER.open)

    with pytest.raises(InvalidData, match="replay_capital: 100000"):
        trade.engine.plan(identity, trade.strategy)


def test_a_replay_uses_no_more_than_replay_capital(trade: Trade) -> None:
    identity = trade.engine.identity("past", "backfill", OVER.open)

    with pytest.raises(InvalidData, match="at most 70000 USD, found 70001"):
        trade.engine.plan(identity, by_equity(replay_capital=70_000), capital=70_001)


def test_a_venue_that_tells_no_equity_refuses_the_plan_and_check_says_so(ledger_url: str, sandbox: Sandbox) -> None:
    trade = Trade.begin(ledger_url, sandbox, "v2")
    trade.strategy = by_equity()

    with pytest.raises(InvalidData, match="expected capital as a number"):
        trade.plan()
    with trade.engine.ledger() as ledger:
        file = StrategyFile(strategies=(trade.strategy,), problems=())
        stops = blockers(check(ledger, file, trade.engine.assembly(), ledger.now()))

    assert trade.posts() == 0
    assert any("expected capital as a number" in stop.value for stop in stops)


def test_check_says_what_the_account_has_and_what_a_strategy_would_use(trade: Trade) -> None:
    with trade.engine.ledger() as ledger:
        file = StrategyFile(strategies=(trade.strategy,), problems=())
        found = {finding.name: finding for finding in check(ledger, file, trade.engine.assembly(), ledger.now())}

    assert found["money"].value.startswith("equity 20,000.00 USD")
    assert "is 10000 USD" in found["capital of daily_trading"].value
    assert found["capital of daily_trading"].next_step is None


def test_a_run_that_only_plans_is_sized_by_the_equity_as_well(trade: Trade) -> None:
    run, intents = trade.plan(mode="plan")

    assert (run.mode, intents, run.capital) == ("plan", [], 10_000)


def of_two(id: str, symbols: tuple[str, str]) -> Any:
    return sandbox_strategy(id=id, symbols=symbols, top_n=1, bottom_n=0, capital=8000, max_position_size=8000)


def cost(intents: list[Intent]) -> Decimal:
    return sum((order.quantity * order.price for order in intents), Decimal(0)) * Decimal("1.05")


def test_two_strategies_that_plan_at_once_do_not_both_count_on_the_same_buying_power(trade: Trade) -> None:
    trade.admin.settings(alpaca_cash=10_000, alpaca_multiplier=1)
    strategies = [of_two("one", ("AAPL", "KO")), of_two("two", ("JPM", "MSFT"))]

    with ThreadPoolExecutor(2) as pool:
        plans = list(pool.map(lambda each: replace(trade, strategy=each).plan(each.id), strategies))

    both = [order for _, intents in plans for order in intents]
    assert 8000 < cost(both) <= 10_000
    (scaled,) = [kept for run, _ in plans if len((kept := money_of(trade, run))["notes"]) > 1]
    assert any("other plans of the account are about to take" in note for note in scaled["notes"])
    for run, intents in plans:
        trade.engine.submit_all(intents)
        assert trade.engine.track(run).num_orders_rejected == 0


def test_an_order_that_the_venue_counts_already_is_not_counted_twice(trade: Trade) -> None:
    trade.admin.settings(alpaca_cash=20_000, alpaca_multiplier=1)
    first = replace(trade, strategy=of_two("one", ("AAPL", "KO")))
    run, intents = first.plan("one")
    trade.engine.submit_all(intents)
    trade.engine.track(run)

    later, others = replace(trade, strategy=of_two("two", ("JPM", "MSFT"))).plan("two")

    assert cost(others) > 8000
    assert not any("other plans" in note for note in money_of(trade, later)["notes"])
