"""Every alert: its cause made to happen against the sandbox, and the message received over a real webhook."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.execution.desk import stop_trading
from include.execution.sending import send_alerts
from include.execution.settings import Settings
from include.execution.watchdog import Findings, Watchdog, Watched
from include.ledger.records import Intent, Run
from include.ops.commands import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.services.execution_gateway import GatewayReader
from include.services.notifications import Notifications
from include.trading.errors import BookMismatch, InvalidData, OutcomeUnknown, Unavailable
from tests.support.engine import FAST, Engine, sandbox_strategy
from tests.support.inbox import Inbox, mail_server, webhook

AT_ONCE = Settings.model_validate(FAST.model_dump() | {"alert_quiet_seconds": 0})
QUIET = Settings.model_validate(FAST.model_dump() | {"alert_quiet_seconds": 3000})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0) as running:
        yield running


@dataclass
class Duty:
    """An engine whose alerts arrive in an inbox."""

    engine: Engine
    sandbox: Sandbox
    inbox: Inbox

    def send(self, settings: Settings = AT_ONCE) -> list[str]:
        """Send what waits and return the titles of the messages that came by it."""
        before = len(self.inbox.messages)
        addresses = Notifications({"path": self.inbox.url})
        with self.engine.ledger() as ledger:
            send_alerts(
                ledger,
                settings,
                lambda message: addresses.send(message.severity, message.title, message.body),
                base_url="http://airflow.example",
            )
        return self.inbox.titles[before:]

    def plan(self, name: str = "one", **strategy: Any) -> tuple[Run, list[Intent]]:
        return self.engine.plan(self.engine.identity(name), sandbox_strategy(**strategy))

    def watch(self, *strategies: Watched, later: timedelta = timedelta(0)) -> Findings:
        engine = replace(self.engine, clock_offset=self.engine.clock_offset + later)
        with engine.ledger() as ledger:
            return Watchdog(
                ledger=ledger,
                settings=engine.settings,
                gateways={
                    "sandbox": lambda: GatewayReader(
                        engine.endpoint("execution_gateway"), correlation_id="test", retry_delays_seconds=(0.02,)
                    )
                },
                strategies=strategies,
                code_version="test",
            ).look()


@pytest.fixture
def duty(sandbox: Sandbox, ledger_url: str) -> Iterator[Duty]:
    sandbox.admin.reset()
    with webhook() as inbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        yield Duty(engine, sandbox, inbox)


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
        ledger.alerts.raise_alert("rejected", "warning", "rejected:x", "1 of 5", "read")
    assert duty.send() == ["[WARNING] rejected"]

    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert("rejected", "critical", "rejected:x", "4 of 5", "read")

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
def test_the_newest_run_closed_with_an_unknown_order_is_counted_anew_once_it_is_found(
    duty: Duty, superseded: bool
) -> None:
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

    if superseded:
        # Its alerts are the newer run's to end.
        assert found.recounted == []
        return
    with duty.engine.ledger() as ledger:
        (recounted,) = ledger.runs.newest_closed(closed.started_at)
    assert found.recounted == [recounted.summary]
    assert recounted.status != "failed", recounted.error_message
    assert (recounted.num_orders_accepted, recounted.num_orders_unknown) == (len(intents), 0)
    assert duty.watch().recounted == []


def test_a_break_and_the_halt_it_causes_alert_until_a_person_resumes(duty: Duty) -> None:
    from include.execution.operations import resume

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
    with duty.engine.desk() as desk:
        from include.execution.mapping import _unexplained

        _unexplained(desk, duty.engine.open(duty.engine.identity("two"), sandbox_strategy()))

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

    def test_not_while_its_dag_is_paused_nor_for_the_sessions_of_that_time(self, duty: Duty, a_week: timedelta) -> None:
        assert duty.watch(Watched(self.SCHEDULED, paused=True), later=a_week).missed == []

    def test_not_for_a_strategy_that_never_ran(self, duty: Duty, a_week: timedelta) -> None:
        new = sandbox_strategy(schedule="session", id="new", symbols=("T", "F"), top_n=1, bottom_n=1)

        assert duty.watch(Watched(new, paused=False), later=a_week).missed == []

    def test_not_for_a_strategy_without_a_schedule(self, duty: Duty, a_week: timedelta) -> None:
        assert duty.watch(Watched(sandbox_strategy(), paused=False), later=a_week).missed == []


def raised(duty: Duty) -> bool:
    with duty.engine.ledger() as ledger:
        return ledger.alerts.raise_alert("error", "warning", "error:x", "the task failed", "read its log")


def ended(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        assert ledger.alerts.end("error:x")


def test_a_flapping_cause_alerts_once_with_a_count_and_says_once_that_it_is_over(duty: Duty) -> None:
    assert raised(duty)
    assert duty.send(QUIET) == ["[WARNING] error"]
    for _ in range(3):
        ended(duty)
        assert duty.send(QUIET) == []
        assert not raised(duty)
        assert duty.send(QUIET) == []
    ended(duty)

    assert duty.send(AT_ONCE) == ["[OVER] error"]
    assert "4 times" in duty.inbox.about("[OVER] error")["message"]
    assert duty.send(AT_ONCE) == []


def test_a_cause_that_comes_back_after_its_end_was_told_is_a_new_alert(duty: Duty) -> None:
    raised(duty)
    duty.send()
    ended(duty)
    duty.send()

    assert raised(duty)

    assert duty.send() == ["[WARNING] error"]


def test_a_message_that_does_not_arrive_is_left_to_the_next_sender(duty: Duty) -> None:
    raised(duty)
    duty.inbox.status = 500
    assert duty.send() == []

    duty.inbox.status = 200

    assert duty.send() == ["[WARNING] error"]


def test_two_senders_at_once_send_each_message_once(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        for number in range(10):
            ledger.alerts.raise_alert("error", "warning", f"error:{number}", f"task {number}", "read its log")
    threads = [threading.Thread(target=duty.send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(duty.inbox.messages) == len({message["message"] for message in duty.inbox.messages}) == 10


def test_an_alert_arrives_by_e_mail(duty: Duty) -> None:
    raised(duty)
    with mail_server() as (url, mails):
        duty.inbox.url = url
        duty.send()

    (mail,) = mails
    assert "[WARNING] error" in mail["Subject"]
    assert mail["To"] == "duty@example.com"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "read its log" in body.get_content()


def test_an_address_that_apprise_does_not_understand_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidData, match="entry 2 is none") as caught:
        Notifications([{"path": "json://127.0.0.1:1/"}, {"path": "nonsense-with-a-secret"}])

    assert "secret" not in str(caught.value)


def test_the_command_looks_and_sends_without_airflow(duty: Duty, capsys: pytest.CaptureFixture[str]) -> None:
    raised(duty)
    extra = {"config": {"path": duty.inbox.url}}
    gateway = duty.engine.gateway_url.removeprefix("http://").split(":")
    environ = {
        "AIRFLOW_CONN_TRADING_LEDGER": duty.engine.ledger_url,
        "AIRFLOW_CONN_TRADING_ALERTS": json.dumps({"conn_type": "apprise", "extra": extra}),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(
            {
                "conn_type": "http",
                "host": gateway[0],
                "port": int(gateway[1]),
                "extra": {"contract": "v2", "account": "sandbox"},
            }
        ),
    }

    code = main(["watch"], environ)

    assert code == 1
    assert duty.inbox.titles == ["[WARNING] error"]
    assert "the task failed" in capsys.readouterr().out
