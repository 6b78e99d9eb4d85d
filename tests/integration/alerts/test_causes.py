"""Every alert: its cause made to happen against the sandbox, and the message received over a real webhook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from include.execution.alerts.raising import raise_unknown_orders
from include.execution.desk import stop_trading
from include.execution.duty.watchdog import Watched
from include.execution.settings import Settings
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import BookMismatch, OutcomeUnknown, Unavailable
from tests.support.duty import Duty
from tests.support.engine import FAST, sandbox_strategy


def test_a_good_session_sends_its_summary_and_nothing_else_however_often_it_is_closed(duty: Duty) -> None:
    run = duty.engine.run("one", sandbox_strategy())
    assert duty.send() == ["[INFO] summary: daily_trading"]

    duty.engine.track(run)

    assert duty.send() == []
    message = duty.inbox.about("[INFO] summary: daily_trading")
    assert run.summary is not None
    assert run.summary in message["message"]
    assert f"http://airflow.example/dags/daily_trading/runs/{run.airflow_run_id}" in message["message"]
    assert message["type"] == "info"


def test_a_run_that_sent_nothing_alerts_as_failed_and_for_too_few_orders_until_one_is_good(duty: Duty) -> None:
    run, _ = duty.plan()
    duty.engine.clock_offset = timedelta(minutes=11)
    duty.engine.track(run)

    assert set(duty.send()) == {
        "[CRITICAL] run failed: daily_trading",
        "[WARNING] few submitted: daily_trading",
        "[INFO] summary: daily_trading",
    }
    message = duty.inbox.about("[CRITICAL] run failed: daily_trading")
    assert message["type"] == "failure"
    assert "4 of 4 orders not sent" in message["message"]
    assert "docs/runbook.md#run_failed" in message["message"]
    assert "Next: " in message["message"]
    assert "orders were sent for 0 of 4" in duty.inbox.about("[WARNING] few submitted: daily_trading")["message"]

    duty.engine.clock_offset = timedelta(0)
    assert duty.engine.run("two", sandbox_strategy()).status == "completed"

    assert {"[OVER] run failed: daily_trading", "[OVER] few submitted: daily_trading"} < set(duty.send())


def test_an_answer_without_signals_alerts(duty: Duty) -> None:
    duty.sandbox.admin.fault("empty_signals")

    duty.engine.run("one", sandbox_strategy())

    assert "[WARNING] zero signals: daily_trading" in duty.send()


@pytest.mark.parametrize(("rejected", "severity"), [(1, "WARNING"), (3, "CRITICAL")])
def test_rejected_orders_warn_above_a_tenth_and_are_critical_above_a_half(
    duty: Duty, rejected: int, severity: str
) -> None:
    run, intents = duty.plan()
    duty.sandbox.admin.settings(reject={intent.symbol: "not tradable" for intent in intents[:rejected]})
    duty.engine.submit_all(intents)
    duty.engine.track(run)

    assert f"[{severity}] rejected: daily_trading" in duty.send()


def test_an_alert_that_becomes_more_severe_is_sent_again(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm("rejected", "warning", "rejected:x", "1 of 5", "read"))
    assert duty.send() == ["[WARNING] rejected"]

    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm("rejected", "critical", "rejected:x", "4 of 5", "read"))

    assert duty.send() == ["[CRITICAL] rejected"]


def test_more_than_half_of_the_symbols_without_a_price_alert(duty: Duty) -> None:
    duty.sandbox.admin.fault("price_stale")

    duty.engine.run("one", sandbox_strategy())

    assert "[WARNING] prices skipped: daily_trading" in duty.send()


def test_a_run_slower_than_the_setting_alerts(duty: Duty) -> None:
    duty.engine.settings = Settings.model_validate(FAST.model_dump() | {"longest_run_seconds": 0.001})

    duty.engine.run("one", sandbox_strategy())

    assert "[WARNING] slow run: daily_trading" in duty.send()


def test_an_order_without_a_known_outcome_alerts_until_the_watchdog_finds_it(duty: Duty) -> None:
    _, intents = duty.plan()
    duty.sandbox.admin.fault("reset_after_accept", times=1)
    duty.sandbox.admin.fault("plain_500", service="gateway", match={"method": "GET", "path": "/api/v1/orders/.*"})
    with pytest.raises((OutcomeUnknown, Unavailable)):
        duty.engine.submit(intents[0].client_order_id)
    duty.watch()

    title = "[CRITICAL] unknown order: daily_trading"
    assert title in duty.send()
    assert intents[0].client_order_id in duty.inbox.about(title)["message"]

    duty.sandbox.admin.clear_faults()
    duty.watch()

    with duty.engine.ledger() as ledger:
        found = ledger.orders.get(intents[0].client_order_id)
    assert found is not None
    assert found.state in ("open", "filled")
    assert "[OVER] unknown order: daily_trading" in duty.send()


@pytest.mark.parametrize("superseded", [False, True])
def test_a_run_closed_with_an_unknown_order_is_counted_again_once_it_is_found(duty: Duty, superseded: bool) -> None:
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    run, intents = duty.plan()
    hidden, *others = intents
    for intent in others:
        duty.engine.submit(intent.client_order_id)
    path = f"/api/v1/orders/{hidden.client_order_id}"
    duty.sandbox.admin.fault("reset_after_accept", times=1)
    duty.sandbox.admin.fault("plain_500", service="gateway", match={"method": "GET", "path": path})
    with pytest.raises((OutcomeUnknown, Unavailable)):
        duty.engine.submit(hidden.client_order_id)
    closed = duty.engine.track(run)
    assert (closed.status, closed.num_orders_accepted, closed.num_orders_unknown) == ("failed", len(others), 1)

    duty.sandbox.admin.clear_faults()
    if superseded:
        duty.plan("newer")
    found = duty.watch()

    with duty.engine.ledger() as ledger:
        recounted = ledger.runs.get(closed.run_id)
        kinds = {alert.kind for alert in ledger.alerts.open()}
    assert recounted is not None
    # The alerts are the newer run's to end.
    assert ("run_failed" in kinds) == superseded
    assert found.recounted == [recounted.summary]
    assert recounted.status != "failed", recounted.error_message
    assert (recounted.num_orders_accepted, recounted.num_orders_unknown) == (len(intents), 0)
    assert duty.watch().recounted == []


def test_a_break_and_the_halt_it_causes_alert_until_a_person_resumes(duty: Duty) -> None:
    from include.execution.duty.account import resume

    with duty.engine.desk() as desk:
        desk.ledger.accounts.ensure("sandbox")
        stop_trading(desk, "sandbox", "position_mismatch", "today", "AAPL: the books differ", symbol="AAPL")
    assert duty.send() == ["[CRITICAL] account state: sandbox", "[CRITICAL] break: sandbox"]

    with duty.engine.ledger() as ledger:
        (found,) = ledger.books.open_breaks("sandbox")
        resume(ledger, "sandbox", actor="ann", reason="seen", breaks=[found.id], settings=FAST)

    assert duty.send() == ["[OVER] account state: sandbox", "[OVER] break: sandbox"]


def test_an_open_break_without_an_alert_gets_one_from_the_watchdog(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        ledger.accounts.ensure("sandbox")
        ledger.books.store_break("sandbox", "vanished", "vanished:x", "order x is gone")

    duty.watch()

    assert duty.send() == ["[CRITICAL] break: sandbox"]


def test_a_gateway_of_another_mode_alerts(duty: Duty) -> None:
    _, intents = duty.plan()
    duty.sandbox.admin.settings(mode="live")

    with pytest.raises(BookMismatch):
        duty.engine.submit(intents[0].client_order_id)

    assert "[CRITICAL] gateway mode: sandbox" in duty.send()


def test_a_position_nobody_can_explain_alerts_until_it_is_gone(duty: Duty) -> None:
    duty.sandbox.admin.positions(AAPL=7)
    duty.plan()
    assert "[WARNING] blocked symbol: daily_trading" in duty.send()

    duty.sandbox.admin.positions(AAPL=0)
    duty.engine.plan(duty.engine.identity("two"), sandbox_strategy(), revision=2)

    assert "[OVER] blocked symbol: daily_trading" in duty.send()


def test_a_run_that_nobody_ends_is_closed_by_the_watchdog_and_alerts(duty: Duty) -> None:
    run, intents = duty.plan()
    assert duty.watch().closed == []

    found = duty.watch(later=timedelta(minutes=30))

    assert len(found.closed) == 1
    with duty.engine.ledger() as ledger:
        closed = ledger.runs.get(run.run_id)
        states = {ledger.orders.get(intent.client_order_id).state for intent in intents}  # type: ignore[union-attr]
    assert closed is not None
    assert closed.status == "failed"
    assert "no task ended it" in (closed.error_message or "")
    assert states == {"not_sent"}
    assert {"[CRITICAL] stuck run: daily_trading", "[CRITICAL] run failed: daily_trading"} < set(duty.send())


def test_orders_open_after_the_cut_off_alert_until_they_are_final(duty: Duty) -> None:
    duty.sandbox.admin.settings(fill_after_seconds=10_000)
    _, intents = duty.plan()
    duty.engine.submit_all(intents)

    duty.watch(later=timedelta(minutes=12))
    assert "[WARNING] open after close: sandbox" in duty.send()

    for intent in intents:
        duty.sandbox.admin.order(intent.client_order_id, status="canceled")
    duty.watch(later=timedelta(minutes=12))

    assert "[OVER] open after close: sandbox" in duty.send()


class TestMissedSessions:
    """A strategy that traded a session before, and not the newest that was due."""

    SCHEDULED = sandbox_strategy(schedule="session")

    @pytest.fixture
    def a_week(self, duty: Duty) -> timedelta:
        duty.engine.run("one", self.SCHEDULED)
        # Monday 20:00 UTC of the week after next: the exchange is open or just closed, never before an open.
        now = datetime.now(UTC)
        monday = (now + timedelta(days=14 - now.weekday())).replace(hour=20, minute=0)
        return monday - now

    def test_a_session_without_a_run_alerts(self, duty: Duty, a_week: timedelta) -> None:
        found = duty.watch(Watched(self.SCHEDULED, paused=False), later=a_week)

        assert len(found.missed) == 1
        assert "[CRITICAL] session missed: daily_trading" in duty.send()

    @pytest.mark.parametrize("mode", ["plan", None])
    def test_a_look_ahead_by_hand_is_no_run_of_the_session_and_one_that_trades_is(
        self, duty: Duty, a_week: timedelta, mode: str | None
    ) -> None:
        duty.engine.clock_offset = a_week
        identity = duty.engine.identity("by hand")
        duty.engine.open(identity, self.SCHEDULED, **({} if mode is None else {"mode": mode}))

        found = duty.watch(Watched(self.SCHEDULED, paused=False), later=timedelta(hours=2))

        assert len(found.missed) == (1 if mode == "plan" else 0)

    def test_a_look_ahead_does_not_end_the_alert_and_the_next_sessions_run_does(
        self, duty: Duty, a_week: timedelta
    ) -> None:
        duty.watch(Watched(self.SCHEDULED, paused=False), later=a_week)
        assert "[CRITICAL] session missed: daily_trading" in duty.send()
        duty.engine.run("look ahead", self.SCHEDULED, mode="plan")
        assert "[OVER] session missed: daily_trading" not in duty.send()

        duty.engine.run("next", self.SCHEDULED, revision=2)

        assert "[OVER] session missed: daily_trading" in duty.send()

    def test_a_strategy_that_only_plans_has_its_run_by_planning(self, duty: Duty, a_week: timedelta) -> None:
        planner = sandbox_strategy(schedule="session", mode="plan", id="planner")
        duty.engine.open(duty.engine.identity("planner's first"), planner)
        assert len(duty.watch(Watched(planner, paused=False), later=a_week).missed) == 1
        duty.engine.clock_offset = a_week
        duty.engine.open(duty.engine.identity("planner's second"), planner)

        assert duty.watch(Watched(planner, paused=False), later=timedelta(hours=2)).missed == []

    def test_not_while_its_dag_is_paused_nor_for_the_sessions_of_that_time(self, duty: Duty, a_week: timedelta) -> None:
        assert duty.watch(Watched(self.SCHEDULED, paused=True), later=a_week).missed == []

    def test_not_for_a_strategy_that_never_ran(self, duty: Duty, a_week: timedelta) -> None:
        new = sandbox_strategy(schedule="session", id="new", symbols=("T", "F"), top_n=1, bottom_n=1)

        assert duty.watch(Watched(new, paused=False), later=a_week).missed == []

    def test_not_for_a_strategy_without_a_schedule(self, duty: Duty, a_week: timedelta) -> None:
        assert duty.watch(Watched(sandbox_strategy(), paused=False), later=a_week).missed == []


def test_an_empty_positions_answer_is_one_alert_and_one_break_with_every_symbol_in_it(duty: Duty) -> None:
    from include.execution.duty.account import resume

    run = duty.engine.run("one", sandbox_strategy())
    duty.send()
    duty.sandbox.admin.fault("positions_incomplete", symbols=list(run.symbols))
    closed = duty.engine.track(run)

    assert closed.status == "failed"
    titles = duty.send()
    assert titles.count("[CRITICAL] break: sandbox") == 1
    held = [symbol for symbol in run.symbols if symbol in duty.inbox.about("[CRITICAL] break: sandbox")["message"]]
    assert len(held) == closed.num_orders_filled == 4
    with duty.engine.ledger() as ledger:
        (found,) = ledger.books.open_breaks("sandbox")
        resume(ledger, "sandbox", actor="ann", reason="seen", breaks=[found.id], settings=FAST)
        assert ledger.books.open_breaks("sandbox") == []


def test_orders_that_vanished_together_are_one_break(duty: Duty) -> None:
    duty.sandbox.admin.settings(fill_after_seconds=3600)
    run, intents = duty.plan()
    duty.engine.submit_all(intents)
    duty.sandbox.admin.reset()
    duty.engine.settings = Settings.model_validate(FAST.model_dump() | {"fast_poll_seconds": 0.1})
    duty.engine.track(run)

    with duty.engine.ledger() as ledger:
        (found,) = ledger.books.open_breaks("sandbox")
    assert found.kind == "vanished"
    assert all(intent.client_order_id in found.message for intent in intents)


def test_blocked_symbols_are_one_alert_and_another_set_of_them_another(duty: Duty) -> None:
    duty.sandbox.admin.positions(AAPL=7, KO=-3, MSFT=5)
    duty.plan()
    assert duty.send().count("[WARNING] blocked symbol: daily_trading") == 1
    message = duty.inbox.about("[WARNING] blocked symbol: daily_trading")["message"]
    assert "3 symbols differ: AAPL: the gateway holds 7, our fills and the adopted baseline say 0; KO: " in message

    duty.sandbox.admin.positions(AAPL=0, KO=-3, MSFT=0)
    duty.engine.plan(duty.engine.identity("two"), sandbox_strategy(), revision=2)

    assert {"[OVER] blocked symbol: daily_trading", "[WARNING] blocked symbol: daily_trading"} <= set(duty.send())


def test_many_unknown_orders_share_an_alert_and_each_that_follows_is_not_another(duty: Duty) -> None:
    def unknown(count: int) -> None:
        with duty.engine.ledger() as ledger:
            ledger.connection.execute(
                """
                UPDATE order_intents SET state = CASE WHEN position < %s THEN 'unknown' ELSE 'planned' END,
                    unknown_since = clock_timestamp()
                """,
                [count],
            )
            raise_unknown_orders(ledger, "sandbox")

    names = ("AAPL", "MSFT", "JPM", "XOM", "KO", "HD", "PG", "PFE", "GE", "BAC")
    duty.plan(symbols=names, top_n=5, bottom_n=5, max_position_size=5000)
    unknown(9)
    titles = duty.send()
    assert titles.count("[CRITICAL] unknown order: daily_trading") == 3
    assert titles.count("[CRITICAL] unknown order: sandbox") == 1
    assert "6 more orders" in duty.inbox.about("[CRITICAL] unknown order: sandbox")["message"]

    unknown(10)
    assert duty.send() == []

    unknown(0)
    assert len([title for title in duty.send() if title.startswith("[OVER] unknown order")]) == 4


def test_a_list_in_an_alert_is_bounded_and_says_how_many_it_leaves_out() -> None:
    words = listed([f"SYMBOL{n}" for n in range(33)])

    assert words.startswith("SYMBOL0, SYMBOL1, ")
    assert words.endswith("SYMBOL9 … and 23 more")
    assert len(listed(["x" * 10_000])) <= 400
