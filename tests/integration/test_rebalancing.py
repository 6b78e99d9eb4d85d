"""Sessions in a row against the sandbox: the account ends at the targets, and what is not ours stays as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.execution.duty.account import adopt
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import Session, trading_calendar
from include.trading.run.row import Run
from tests.support.engine import Engine, sandbox_strategy


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2", fill_after=0) as started:
        yield started


def sessions_to_come(number: int) -> list[Session]:
    today = datetime.now(UTC).date()
    calendar = trading_calendar("XNYS", today=today)
    sessions = [calendar.current(datetime.now(UTC))]
    while len(sessions) < number:
        sessions.append(calendar.next(sessions[-1].day))
    return sessions


def trade(engine: Engine, sandbox: Sandbox, session: Session, name: str, **changes: object) -> tuple[Engine, Run]:
    """Run the strategy as if it were an hour after the session's open."""
    offset = session.open + timedelta(hours=1) - datetime.now(UTC)
    sandbox.admin.settings(clock_offset_seconds=offset.total_seconds())
    then = replace(engine, clock_offset=offset)
    return then, then.run(name, sandbox_strategy(no_trade_band=Decimal(0), **changes))


def test_five_sessions_end_at_the_targets_and_leave_a_persons_holdings_alone(ledger_url: str, sandbox: Sandbox) -> None:
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
    own = {"GE": 70, "AAPL": 10}
    sandbox.admin.positions(**own)
    with engine.ledger() as ledger:
        ledger.accounts.ensure(engine.account)
    with engine.desk(actor="person") as desk:
        adopt(desk, engine.account, "AAPL", reason="bought by hand before the strategy started")

    traded = 0
    for number, session in enumerate(sessions_to_come(5)):
        then, run = trade(engine, sandbox, session, f"session {number}")

        assert (run.session_date, run.status) == (session.day, "completed"), run.error_message
        traded += run.num_orders_filled
        with then.ledger() as ledger:
            targets = {row["symbol"]: row["target_quantity"] for row in ledger.runs.mappings(run.run_id)}
        held = sandbox.admin.book()["positions"]
        assert {symbol: held.get(symbol, 0) - own.get(symbol, 0) for symbol in targets} == targets
        assert held["GE"] == own["GE"]

    # The letter of the ADR would have bought every target five times over.
    assert 0 < traded < 5 * len(targets)


def test_a_run_asked_to_plan_only_plans_from_what_the_strategy_holds(ledger_url: str, sandbox: Sandbox) -> None:
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
    traded = engine.run("traded", sandbox_strategy())

    planned = engine.run("planned", sandbox_strategy(), mode="plan")

    assert traded.num_orders_filled > 0
    assert (planned.mode, planned.num_orders_planned) == ("plan", 0)
    with engine.ledger() as ledger:
        rows = ledger.runs.mappings(planned.run_id)
    assert {row["symbol"]: row["held_quantity"] for row in rows} == {
        row["symbol"]: row["target_quantity"] for row in rows
    }


def test_the_adrs_letter_buys_the_whole_target_every_session(ledger_url: str, sandbox: Sandbox) -> None:
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)

    bought = []
    for number, session in enumerate(sessions_to_come(2)):
        then, run = trade(engine, sandbox, session, f"session {number}", order_basis="target")
        with then.ledger() as ledger:
            rows = ledger.runs.mappings(run.run_id)
        bought.append({row["symbol"]: row["target_quantity"] for row in rows if row["outcome"] == "order"})

    totals = {symbol: sum(day.get(symbol, 0) for day in bought) for symbol in {*bought[0], *bought[1]}}
    assert {symbol: quantity for symbol, quantity in totals.items() if quantity} == sandbox.admin.book()["positions"]


def test_a_position_nobody_explains_blocks_its_symbol_until_a_person_adopts_it(
    ledger_url: str, sandbox: Sandbox
) -> None:
    engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
    sandbox.admin.positions(AAPL=10)

    blocked = engine.run("blocked", sandbox_strategy())
    with engine.desk(actor="person") as desk:
        adopt(desk, engine.account, "AAPL", reason="a person's own shares")
    adopted = engine.run("adopted", sandbox_strategy())

    with engine.ledger() as ledger:
        rows = {row["symbol"]: row for row in ledger.runs.mappings(blocked.run_id)}
        after = {row["symbol"]: row for row in ledger.runs.mappings(adopted.run_id)}
    assert rows["AAPL"]["skip_reason"] == "unexplained_position"
    assert blocked.status == "partial"
    assert after["AAPL"]["outcome"] == "order"
    assert adopted.status == "completed"
