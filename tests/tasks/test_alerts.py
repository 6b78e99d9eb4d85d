"""Airflow's callbacks, the watchdog's task and the note of a run: what is stored, sent and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from include.execution.steps.open_run import RunIdentity
from include.ledger.alerts import Alert
from include.ledger.ledger import open_ledger
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import InvalidData, Unavailable
from tests.support.dags import read_dags
from tests.support.engine import Engine, sandbox_strategy
from tests.support.inbox import Inbox, webhook
from tests.support.place import Place
from tests.support.tasks import DagRun, TaskInstance
from trading_airflow.alerts import TradingNotifier
from trading_airflow.listener import write_note
from trading_airflow.operators.fills import TrackFillsOperator
from trading_airflow.operators.signals import FetchSignalsOperator
from trading_airflow.operators.watchdog import WatchdogOperator


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with webhook() as found:
        connection = {"conn_type": "apprise", "extra": {"config": {"path": found.url}}}
        monkeypatch.setenv("AIRFLOW_CONN_TRADING_ALERTS", json.dumps(connection))
        yield found


def failed_task(**changes: Any) -> dict[str, Any]:
    """The context of a task's callback."""
    return {
        "dag": DAG("daily_trading", schedule=None),
        "run_id": "manual__1",
        "dag_run": SimpleNamespace(**vars(DagRun())),
        "ti": SimpleNamespace(task_id="fetch_signals", try_number=2),
        "exception": Unavailable("the Signal Service refused the connection"),
    } | changes


def stored(place: Place) -> list[Alert]:
    with open_ledger(place.ledger_url) as ledger:
        return ledger.alerts.open()


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ("task_retried", "[WARNING] error: daily_trading"),
        ("task_failed", "[CRITICAL] error: daily_trading"),
        ("task_skipped", "[WARNING] error: daily_trading"),
    ],
)
def test_a_tasks_error_arrives_with_its_words_and_its_run(place: Place, inbox: Inbox, event: Any, title: str) -> None:
    TradingNotifier(event)(failed_task())

    (message,) = inbox.messages
    assert message["title"] == title
    assert "fetch_signals (try 2)" in message["message"]
    assert "the Signal Service refused the connection" in message["message"]
    assert "Next: " in message["message"]


def test_a_task_that_fails_again_and_again_is_told_once_and_counted(place: Place, inbox: Inbox) -> None:
    for _ in range(3):
        TradingNotifier("task_retried")(failed_task())

    assert inbox.titles == ["[WARNING] error: daily_trading"]
    assert [alert.count for alert in stored(place)] == [3]


def refuse(place: Place, name: str, **params: Any) -> list[TaskInstance]:
    """Let a request be refused as Airflow would run it: its tasks, and the callback of each and of the DAG."""
    dag_run = DagRun(run_id=name)
    told = []
    for operator in (
        FetchSignalsOperator(task_id="fetch_signals", strategy_id="daily_trading"),
        TrackFillsOperator(task_id="track_fills", orders=[]),
    ):
        context = dag_run.context(**params)
        with pytest.raises((InvalidData, AirflowFailException)) as caught:
            operator.execute(context)
        told.append(context["ti"])
        ti = SimpleNamespace(task_id=operator.task_id, try_number=1)
        TradingNotifier("task_failed")(
            failed_task(run_id=name, dag_run=context["dag_run"], ti=ti, exception=caught.value)
        )
    TradingNotifier("run_failed")(
        {"dag": DAG("daily_trading", schedule=None), "run_id": name, "reason": "task_failure"}
    )
    return told  # type: ignore[return-value]


def test_nonsense_triggers_are_one_warning_a_cause_with_its_reason_that_a_good_run_ends(
    place: Place, inbox: Inbox
) -> None:
    for number in range(3):
        refuse(place, f"manual__{number}", mode="live")
    _, tracked = refuse(place, "manual__sunday", session_date="2024-11-24")

    alerts = stored(place)
    assert [(alert.kind, alert.severity, alert.count) for alert in alerts] == [
        ("refused_request", "warning", 3),
        ("refused_request", "warning", 1),
    ]
    assert "mode: expected paper or safer, found live" in alerts[0].message
    assert "tries again" not in alerts[0].next_step
    assert "2024-11-24" in tracked.xcoms["summary"]

    Engine(place.ledger_url, place.sandbox.signals_url, place.sandbox.gateway_url, place.sandbox.market_url).run(
        "good", sandbox_strategy()
    )

    assert stored(place) == []


def test_a_refused_request_is_over_after_an_hour(place: Place, inbox: Inbox) -> None:
    refuse(place, "manual__1", mode="live")
    with open_ledger(place.ledger_url) as ledger:
        ledger.connection.execute("UPDATE alerts SET last_at = last_at - interval '2 hours'")

    watch()

    assert stored(place) == []


def test_a_sessions_own_run_that_is_refused_is_critical(place: Place, inbox: Inbox) -> None:
    scheduled = SimpleNamespace(**vars(DagRun(run_id="scheduled__1", run_type="scheduled")))

    TradingNotifier("task_failed")(
        failed_task(run_id="scheduled__1", dag_run=scheduled, exception=InvalidData("no connection"))
    )

    assert [(alert.kind, alert.severity) for alert in stored(place)] == [("error", "critical")]


def test_a_task_that_failed_for_good_does_not_say_that_it_tries_again(place: Place, inbox: Inbox) -> None:
    TradingNotifier("task_retried")(failed_task())
    assert "tries again by itself" in inbox.messages[0]["message"]

    TradingNotifier("task_failed")(failed_task())

    assert "does not try again by itself" in inbox.messages[1]["message"]


def test_a_dag_that_failed_without_a_single_failed_task_is_told_too(place: Place, inbox: Inbox) -> None:
    TradingNotifier("run_failed")(
        {"dag": DAG("daily_trading", schedule=None), "run_id": "manual__1", "reason": "timed_out"}
    )

    assert inbox.titles == ["[CRITICAL] run failed: daily_trading"]
    assert "timed_out" in inbox.messages[0]["message"]


def test_without_a_connection_an_alert_is_stored_and_taken_as_told(place: Place) -> None:
    TradingNotifier("task_failed")(failed_task())

    (alert,) = stored(place)
    assert alert.sent_at is not None


def test_without_a_ledger_a_failure_is_told_at_once(
    place: Place, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", "postgresql://nobody@127.0.0.1:1/none")

    TradingNotifier("task_failed")(failed_task())

    assert inbox.titles == ["[CRITICAL] task failed"]
    assert "the Signal Service refused the connection" in inbox.messages[0]["message"]


def test_every_task_and_the_dag_have_their_callbacks(place: Place) -> None:
    dag = read_dags()["daily_trading"]

    for task in dag.tasks:
        assert [notifier.event for notifier in task.on_failure_callback] == ["task_failed"]
        assert [notifier.event for notifier in task.on_retry_callback] == ["task_retried"]
        assert [notifier.event for notifier in task.on_skipped_callback] == ["task_skipped"]
    assert [notifier.event for notifier in dag.get_task("track_fills").on_success_callback] == ["task_succeeded"]
    assert dag.on_failure_callback.event == "run_failed"  # type: ignore[union-attr]


def watch(paused: bool = False) -> dict[str, Any]:
    ti = SimpleNamespace(get_dag=lambda dag_id: SimpleNamespace(is_paused=paused))
    return WatchdogOperator(task_id="watch").execute({"ti": ti})  # type: ignore[typeddict-item]


def test_the_watchdog_sends_what_nobody_sent_and_asks_the_heartbeat(
    place: Place, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(place.ledger_url) as ledger:
        ledger.alerts.raise_alert(Alarm("error", "warning", "error:x", "the task was killed", "read its log"))
    monkeypatch.setenv("TRADING_HEARTBEAT_URL", inbox.url.replace("json://", "http://"))

    result = watch()

    assert inbox.titles == ["[WARNING] error"]
    # The inbox takes POSTs only: its answer shows that it was asked.
    assert result == {
        "closed": [],
        "recounted": [],
        "missed": [],
        "problems": ["heartbeat: it answered 501"],
        "messages_sent": 1,
    }


@pytest.mark.parametrize("text", [None, "strategies: [", "{}"])
def test_a_broken_strategies_file_stops_no_look_at_orders_and_is_told(
    place: Place, inbox: Inbox, text: str | None
) -> None:
    engine = Engine(place.ledger_url, place.sandbox.signals_url, place.sandbox.gateway_url, place.sandbox.market_url)
    place.sandbox.admin.settings(fill_after_seconds=3600)
    _, intents = engine.plan(engine.identity("one"), sandbox_strategy())
    engine.submit_all(intents)
    for intent in intents:
        place.sandbox.admin.order(intent.client_order_id, status="canceled")
    place.strategies.unlink() if text is None else place.strategies.write_text(text)

    result = watch()

    with open_ledger(place.ledger_url) as ledger:
        assert not ledger.orders.live("sandbox")
    assert str(place.strategies) in "".join(result["problems"])
    assert "[CRITICAL] strategies file" in inbox.titles


def test_a_dag_that_airflow_does_not_know_does_not_stop_the_watchdog(place: Place, inbox: Inbox) -> None:
    from airflow.sdk.exceptions import AirflowException

    def unknown(dag_id: str) -> None:
        raise AirflowException(f"no DAG {dag_id}")

    place.trades(sandbox_strategy(schedule="session"))
    ti = SimpleNamespace(get_dag=unknown)

    result = WatchdogOperator(task_id="watch").execute({"ti": ti})  # type: ignore[typeddict-item]

    assert result["problems"] == []


def test_the_watchdog_runs_every_few_minutes_and_is_never_paused_from_the_start(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADING_WATCHDOG_MINUTES", "7")

    (dag,) = read_dags("trading_watchdog.py").values()

    assert dag.schedule.total_seconds() == 420  # type: ignore[union-attr]
    assert dag.is_paused_upon_creation is False
    assert dag.max_active_runs == 1


def test_a_run_of_the_dag_shows_its_summary_as_its_note_and_leaves_a_persons(place: Place) -> None:
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    dag = read_dags()["daily_trading"]
    # dag.test() of Airflow 3.3.2 cannot call a notifier of a DAG.
    dag.on_failure_callback = None
    ended = dag.test()
    identity = RunIdentity(ended.dag_id, ended.run_id, "manual", ended.logical_date, ended.run_after)

    with create_session() as session:
        dag_run = session.merge(ended)
        write_note(dag_run)
        assert dag_run.note == place.run(identity).summary
        assert session.scalar(XComModel.get_many(run_id=ended.run_id, key="summary", limit=1)) is not None
        dag_run.dag_run_note.content, dag_run.dag_run_note.user_id = "ann was here", "ann"
        write_note(dag_run)
        assert dag_run.note == "ann was here"
