"""One worker slot for everything: the wait of a flip's second leg for the first must not hold it.

It has an Airflow of its own, so it is heavy: `make test ARGS="-m heavy tests/e2e/test_one_slot.py"`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx
import pytest

from include.trading.calendar.sessions import trading_calendar
from include.trading.order.row import Intent
from tests.e2e.live import Live, LiveRun, live_airflow, until

pytestmark = pytest.mark.heavy

SYMBOLS = ("GEN001", "GEN002", "GEN003", "GEN004")
TOP_N = BOTTOM_N = 2
STRATEGIES = f"""
strategies:
  - {{id: flips, mode: paper, sandbox_only: true, market_hours: false, schedule: null, symbols: [{", ".join(SYMBOLS)}],
     signals: {{service: {{top_n: {TOP_N}, bottom_n: {BOTTOM_N}}}}}, capital: 100000, max_position_size: 10000}}
  - {{id: other, mode: plan, schedule: null, symbols: [GE, HD, JNJ], signals: {{service: {{top_n: 1, bottom_n: 1}}}},
     capital: 100000, max_position_size: 10000}}
"""
# A second leg's task gives the slot back after a second, so that the test need not wait for it longer.
ONE_SLOT = {"AIRFLOW__CORE__PARALLELISM": "1", "TRADING_FAST_POLL_SECONDS": "1"}
CALENDAR = trading_calendar("XNYS", today=datetime.now(UTC).date())


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A real Airflow that runs one task at a time."""
    with live_airflow(STRATEGIES, ONE_SLOT) as running:
        yield running


def signs(live: Live, as_of_date: date) -> dict[str, bool]:
    """Return which symbols the model wants to hold long (True) and which short by the day's data."""
    asked = {"symbols": SYMBOLS, "as_of_date": as_of_date.isoformat(), "top_n": TOP_N, "bottom_n": BOTTOM_N}
    address = f"http://127.0.0.1:{live.stack.ports.signals}/api/v1/signals/generate"
    answer = httpx.post(address, json=asked, trust_env=False).raise_for_status().json()
    return {signal["symbol"]: signal["target_weight"] > 0 for signal in answer["signals"]}


def days_that_flip(live: Live, session: date) -> tuple[date, date, set[str]]:
    """Return two days before the session, between whose signals at least two symbols change sides, and those."""
    newest = CALENDAR.previous(session).day
    now, earlier = signs(live, newest), newest
    for _ in range(250):
        earlier = CALENDAR.previous(earlier).day
        then = signs(live, earlier)
        if len(flipped := {symbol for symbol in SYMBOLS if now[symbol] != then[symbol]}) >= 2:
            return earlier, newest, flipped
    raise LookupError("the model never changes its mind in a year")


def positions(live: Live) -> dict[str, int]:
    held: dict[str, int] = live.sandbox.book()["positions"]
    return held


def targets(live: Live, run: LiveRun) -> dict[str, int]:
    """Return what the run wants to hold of each symbol."""
    found = live.ledger_run(run)
    assert found is not None
    assert found.status == "completed", found.error_message
    with live.ledger() as ledger:
        return {row["symbol"]: row["target_quantity"] for row in ledger.runs.mappings(found.run_id)}


def legs(live: Live, run: LiveRun, leg: int) -> list[Intent]:
    return [order for order in live.orders(run) if order.leg == leg]


def test_flips_wait_outside_of_the_only_slot_and_end_at_the_targets(live: Live) -> None:
    session = CALENDAR.current(datetime.now(UTC)).day
    earlier, newest, flipped = days_that_flip(live, session)
    first = live.trigger("daily_trading__flips", {"session_date": str(session), "as_of_date": str(earlier)})
    assert live.wait(first) == "success"
    before = positions(live)
    assert before == targets(live, first)

    # Nothing fills until the test says so: a wait that held the slot would keep the next flip from being sent.
    live.sandbox.settings(fill_after_seconds=3600)
    run = live.trigger("daily_trading__flips", {"session_date": str(session), "as_of_date": str(newest)})
    waiting: set[int] = set()
    running: list[int] = []

    def all_have_waited() -> bool:
        tasks = [task for task in live.tasks(run) if task["task_id"] == "submit_orders"]
        running.append(sum(task["state"] == "running" for task in tasks))
        waiting.update(task["map_index"] for task in tasks if task["state"] == "deferred")
        return len(waiting) == len(flipped)

    until(all_have_waited, "every flip to wait for its first leg, one after the other")
    assert max(running) <= 1
    assert {order.symbol for order in legs(live, run, 2)} == flipped
    assert {order.state for order in legs(live, run, 1)} == {"open"}
    assert {order.state for order in legs(live, run, 2)} == {"planned"}

    # Another strategy's whole run fits into the slot meanwhile.
    assert live.wait(live.trigger("daily_trading__other")) == "success"

    live.sandbox.settings(fill_after_seconds=0)
    for order in legs(live, run, 1):
        live.sandbox.order(order.client_order_id, status="filled")
    assert live.wait(run) == "success"
    after = targets(live, run)
    assert positions(live) == after
    assert {symbol for symbol in SYMBOLS if before[symbol] * after[symbol] < 0} == flipped
    assert {order.state for order in live.orders(run)} == {"filled"}
    closed_at = {order.symbol: order.final_at for order in legs(live, run, 1)}
    for order in legs(live, run, 2):
        began, over = order.first_sent_at, closed_at[order.symbol]
        assert began is not None
        assert over is not None
        assert began > over
    by_id = live.sandbox.book()["posts_by_id"]
    assert by_id == {order.client_order_id: 1 for started in (first, run) for order in live.orders(started)}
    assert live.account().state == "active"
