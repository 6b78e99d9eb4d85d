"""Every alert: its cause made to happen against the sandbox, and the message received over a real webhook."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from include.adapters.notify.channels import channels_of
from include.execution.alerts.delivery import send_alerts
from include.execution.alerts.raising import raise_unknown_orders
from include.execution.desk import stop_trading
from include.execution.duty.watchdog import Watched
from include.execution.settings import Settings
from include.ops.main import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.alerts.alarms import listed
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import BookMismatch, InvalidData, OutcomeUnknown, Unavailable
from tests.support.duty import AT_ONCE, QUIET, Duty
from tests.support.engine import FAST, Engine, sandbox_strategy
from tests.support.inbox import mail_server, webhook


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0) as running:
        yield running


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


def raised(duty: Duty) -> bool:
    with duty.engine.ledger() as ledger:
        return ledger.alerts.raise_alert(Alarm("error", "warning", "error:x", "the task failed", "read its log"))


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
            ledger.alerts.raise_alert(Alarm("error", "warning", f"error:{number}", f"task {number}", "read its log"))
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


def test_an_address_that_apprise_does_not_understand_is_named_by_its_place_and_stops_no_other(duty: Duty) -> None:
    raised(duty)
    addresses = [{"path": "nonsense-with-a-secret"}, {"path": duty.inbox.url}, {"url": "json://127.0.0.1:1/"}]
    with duty.engine.ledger() as ledger:
        assert send_alerts(ledger, AT_ONCE, lambda: channels_of(addresses), base_url="") == 1

    assert duty.inbox.titles == ["[WARNING] error"]
    broken = channels_of(addresses)[0]
    with pytest.raises(InvalidData, match="entry 1 is none") as caught:
        broken.send("info", "title", "body")
    assert "secret" not in f"{caught.value} {broken.name}"


def dead_address() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"json://127.0.0.1:{free.getsockname()[1]}/"


def five_alerts(duty: Duty) -> list[str]:
    """Raise four warnings and, last, a critical alert; return the titles of their messages in that order."""
    with duty.engine.ledger() as ledger:
        for number in range(4):
            ledger.alerts.raise_alert(Alarm("error", "warning", f"error:{number}", f"task {number}", "read its log"))
        ledger.alerts.raise_alert(Alarm("break", "critical", "break:x", "the books differ", "settle it"))
    return ["[WARNING] error"] * 4 + ["[CRITICAL] break"]


@pytest.mark.parametrize("dead", ["gone", "nothing listens", "no such host", "not understood"])
def test_a_dead_channel_keeps_the_others_from_no_message_whichever_comes_first(duty: Duty, dead: str) -> None:
    titles = five_alerts(duty)
    with webhook() as gone:
        gone.status = 410
        url = {
            "gone": gone.url,
            "nothing listens": dead_address(),
            "no such host": "json://channel.invalid/",
            "not understood": "no address",
        }[dead]

        assert duty.send_to(url, duty.inbox.url) == 5
        assert duty.send_to(url, duty.inbox.url) == 0

    assert duty.inbox.titles == titles


def test_a_channel_that_comes_back_gets_what_it_missed_once_and_in_order(duty: Duty) -> None:
    titles = five_alerts(duty)
    with webhook() as other:
        other.status = 503
        for _ in range(4):
            duty.send_to(other.url, duty.inbox.url)
        other.status = 200

        duty.send_to(other.url, duty.inbox.url)
        duty.send_to(other.url, duty.inbox.url)

        assert other.titles == titles
    assert duty.inbox.titles == titles


def test_escalations_and_ends_reach_each_channel_once(duty: Duty) -> None:
    raised(duty)
    with webhook() as other:
        duty.send_to(other.url, duty.inbox.url)
        other.status = 410
        with duty.engine.ledger() as ledger:
            ledger.alerts.raise_alert(Alarm("error", "critical", "error:x", "it gave up", "read its log"))
        duty.send_to(other.url, duty.inbox.url)
        ended(duty)
        duty.send_to(other.url, duty.inbox.url)
        other.status = 200
        duty.send_to(other.url, duty.inbox.url)

        assert duty.inbox.titles == ["[WARNING] error", "[CRITICAL] error", "[OVER] error"]
        assert other.titles == ["[WARNING] error", "[OVER] error"]


def test_what_a_channel_did_not_take_for_a_week_and_is_over_is_not_sent_any_more(duty: Duty) -> None:
    raised(duty)
    ended(duty)
    with duty.engine.ledger() as ledger:
        ledger.connection.execute("UPDATE alerts SET over_at = over_at - interval '8 days'")

    assert duty.send() == []


def test_a_message_that_a_channel_never_takes_does_not_stand_before_the_next(duty: Duty) -> None:
    raised(duty)
    duty.inbox.refused = "task failed"
    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm("break", "critical", "break:x", "the books differ", "settle it"))

    sent = [duty.send() for _ in range(4)]

    assert [titles for titles in sent if titles] == [["[CRITICAL] break"]]
    duty.inbox.refused = ""
    assert duty.send() == ["[WARNING] error"]


def test_a_new_channel_is_not_told_what_was_told_before_it_came(duty: Duty) -> None:
    raised(duty)
    duty.send()
    with webhook() as new:
        assert duty.send_to(duty.inbox.url, new.url) == 0
        ended(duty)
        duty.send_to(duty.inbox.url, new.url)

        assert new.titles == ["[OVER] error"]


def test_the_ledger_keeps_no_word_of_an_address(duty: Duty) -> None:
    raised(duty)
    duty.send_to(duty.inbox.url + "?secret=of-this-address")

    with duty.engine.ledger() as ledger:
        rows = ledger.connection.execute("SELECT * FROM alert_channels, alert_deliveries").fetchall()
    assert rows
    assert "secret" not in str(rows)
    assert "127.0.0.1" not in str(rows)


def test_an_end_that_was_told_while_its_cause_came_back_is_taken_back(duty: Duty) -> None:
    raised(duty)
    duty.send()
    ended(duty)
    with duty.engine.ledger() as ledger:
        # What a sender does, with the cause coming back between its look and its note.
        (name,) = ledger.deliveries.add([channels_of({"path": duty.inbox.url})[0].name])
        due = ledger.deliveries.due(name, quiet_seconds=0)
        assert due is not None
        ledger.deliveries.record_try(due.alert, name)
        assert not raised(duty)
        ledger.deliveries.record_sent(due.alert, name)

    assert duty.send() == ["[WARNING] error"]


def test_a_sender_that_died_holds_its_channel_for_a_minute_only(duty: Duty) -> None:
    raised(duty)
    with duty.engine.ledger() as ledger:
        (name,) = ledger.deliveries.add([channels_of({"path": duty.inbox.url})[0].name])
        assert ledger.deliveries.claim(name, "dead")
        assert duty.send() == []
        ledger.connection.execute("UPDATE alert_channels SET claimed_until = claimed_until - interval '1 minute'")

    assert duty.send() == ["[WARNING] error"]


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
