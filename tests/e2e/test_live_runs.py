"""Runs on a real Airflow, by its scheduler and in its task processes: cleared, killed and restarted in their middle.

The sandbox's book is the judge: no symbol of a plan is ever ordered twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from include.trading.calendar.sessions import trading_calendar
from tests.e2e.live import ASSETS, LATE, PER_STRATEGY, RETRY_SECONDS, Live, LiveRun, symbols_of, until


def once(strategy_id: str) -> dict[str, int]:
    return dict.fromkeys(symbols_of(strategy_id), 1)


def completed(live: Live, run: LiveRun) -> bool:
    found = live.ledger_run(run)
    return found is not None and found.status == "completed"


# ── by hand ──


def test_a_triggered_run_trades_the_session_and_keeps_plain_data(live: Live) -> None:
    run = live.trigger()

    assert live.wait(run) == "success"
    assert live.states(run, "submit_orders") == {"success": 3}
    found = live.ledger_run(run)
    assert found is not None
    assert (found.status, found.mode, found.num_orders_filled) == ("completed", "paper", 3)
    assert set(live.posts(run).values()) == {1}
    labels = [task["rendered_map_index"] for task in live.tasks(run) if task["task_id"] == "submit_orders"]
    assert labels == [f"{order.symbol} {order.side} {order.quantity} → acknowledged" for order in live.orders(run)]
    signals = live.xcom(run, "fetch_signals")
    assert signals["run_id"] == str(found.run_id)
    assert {row["symbol"] for row in signals["signals"]} <= set(found.symbols)
    everything = [signals, live.xcom(run, "map_orders"), live.xcom(run, "track_fills")]
    everything += [live.xcom(run, "submit_orders", map_index=index) for index in range(3)]
    assert "__classname__" not in json.dumps(everything)
    assert (live.postgres.home / "password").read_text() not in json.dumps(everything)
    log = live.log(run, "submit_orders", map_index=0)
    assert [line["outcome"] for line in log if line["event"] == "order submitted"] == ["acknowledged"]
    # What Airflow says of its own libraries is left out.
    assert [line["event"] for line in log if line["level"] != "info" and line["logger"] != "py.warnings"] == []


def test_the_same_session_triggered_again_wants_no_change_and_sends_nothing(live: Live) -> None:
    before = live.sandbox.book()["posts_total"]

    run = live.trigger()

    assert live.wait(run) == "success"
    assert completed(live, run)
    assert live.orders(run) == []
    assert live.states(run, "submit_orders") == {"skipped": 1}
    assert live.sandbox.book()["posts_total"] == before


def test_two_runs_of_a_session_at_once_share_one_plan(live: Live) -> None:
    live.sandbox.settings(fill_after_seconds=20)
    runs = [live.trigger("daily_trading__twice") for _ in range(2)]

    assert [live.wait(run) for run in runs] == ["success", "success"]
    found = [live.ledger_run(run) for run in runs]
    assert len({row.plan_id for row in found if row}) == 1
    assert sorted(row.adopted for row in found if row) == [False, True]
    assert live.booked("twice") == once("twice")
    assert live.posts(runs[0]) == once("twice")


def test_a_plan_strategy_sends_nothing_and_needs_no_open_market(live: Live) -> None:
    run = live.trigger("daily_trading__plan_only")

    assert live.wait(run) == "success"
    found = live.ledger_run(run)
    assert found is not None
    assert (found.status, found.mode) == ("completed", "plan")
    assert found.num_orders_planned > 0
    assert live.orders(run) == []
    assert live.states(run, "submit_orders") == {"skipped": 1}


# ── when signals arrive ──


def test_events_of_all_assets_make_one_plan_and_one_for_a_past_session_sends_nothing(live: Live) -> None:
    dag_id, (scores, risk) = "daily_trading__announced", ASSETS

    alone = live.announce(dag_id, scores)

    assert live.wait(alone) == "success"
    assert live.ledger_run(alone) is None
    assert "waiting for live_risk" in live.xcom(alone, "fetch_signals")["waits"]
    assert [live.states(alone, task) for task in ("map_orders", "submit_orders", "track_fills")] == [{"skipped": 1}] * 3

    both = live.announce(dag_id, risk, rows=3)

    assert live.wait(both) == "success"
    assert completed(live, both)
    assert live.booked("announced") == once("announced")

    again = live.announce(dag_id, scores)

    assert live.wait(again) == "success"
    found = [live.ledger_run(run) for run in (both, again)]
    assert [row.parameters["signal_event"].get("rows") for row in found if row] == [3, None]
    assert len({row.plan_id for row in found if row}) == 1
    assert [row.run_type for row in found if row] == ["asset_triggered"] * 2
    assert live.booked("announced") == once("announced")

    past = "2026-03-03"
    live.wait(live.announce(dag_id, scores, session=past))
    replay = live.announce(dag_id, risk, session=past)

    assert live.wait(replay) == "success"
    replayed = live.ledger_run(replay)
    assert replayed is not None
    assert (str(replayed.session_date), replayed.mode) == (past, "replay")
    assert live.booked("announced") == once("announced")


def test_a_producers_task_starts_a_run_that_trades_what_it_wrote_and_two_events_make_one_plan(live: Live) -> None:
    dag_id = "daily_trading__from_event"

    run = live.produce("example_signals", dag_id)

    assert live.wait(run) == "success"
    assert completed(live, run)
    found = live.ledger_run(run)
    assert found is not None
    assert (found.run_type, found.mode) == ("asset_triggered", "paper")
    event = found.parameters["signal_event"]
    assert event["source"] == "example_signals"
    assert live.xcom(run, "fetch_signals")["source"]["sha256"] == event["sha256"]
    assert {order.symbol: order.side for order in live.orders(run)} == {"TSLA": "buy", "F": "sell"}

    again = live.produce("example_signals", dag_id)
    assert live.wait(again) == "success"
    live.clear_run(run)

    assert live.wait(run) == "success"
    assert completed(live, run)
    assert live.task(run, "fetch_signals")["try_number"] == 2
    rows = [live.ledger_run(each) for each in (run, again)]
    assert len({row.plan_id for row in rows if row}) == 1
    assert [row.adopted for row in rows if row] == [False, True]
    assert live.posts(run) == {"TSLA": 1, "F": 1}


def test_a_run_by_hand_needs_an_event_and_one_whose_file_comes_late_is_tried_again(live: Live) -> None:
    dag_id, file = "daily_trading__late", live.folder / "late" / "weights.csv"
    by_hand = live.trigger(dag_id)

    assert live.wait(by_hand) == "failed"
    assert live.task(by_hand, "fetch_signals")["try_number"] == 1
    refused = live.ledger_run(by_hand)
    assert refused is not None
    assert "expected an asset event of this session" in (refused.error_message or "")
    assert live.booked("late") == {}

    content = "".join(f"{symbol},0.25\n" for symbol in symbols_of("late"))
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    now = datetime.now(UTC)
    session = str(trading_calendar("XNYS", today=now.date()).current(now).day)
    run = live.announce(dag_id, LATE, url=str(file), sha256=sha256, session=session)
    until(lambda: live.retry_of(run, "fetch_signals").get("state") == "up_for_retry", "a try without the file")
    file.parent.mkdir(parents=True)
    file.write_text(content)

    assert live.wait(run) == "success"
    assert live.task(run, "fetch_signals")["try_number"] >= 2
    assert completed(live, run)
    assert live.posts(run) == once("late")

    # Its session is traded by a next plan, as a sandbox strategy's is, which finds nothing to change.
    by_hand = live.trigger(dag_id)

    assert live.wait(by_hand) == "success"
    assert completed(live, by_hand)
    assert live.xcom(by_hand, "fetch_signals")["source"]["sha256"] == sha256
    assert live.booked("late") == once("late")


# ── nonsense ──


@pytest.mark.parametrize(
    "conf",
    [
        {"mode": "live"},
        {"mode": "papre"},
        {"capital": -5},
        {"capital": 100_001},
        {"symbols": ["NVDA"]},
        {"symbols": ["AA PL"]},
        {"session_date": "23.11.2026"},
        {"revision": 0},
    ],
    ids=json.dumps,
)
def test_the_api_refuses_params_that_the_form_would_refuse(live: Live, conf: dict[str, Any]) -> None:
    answer = live.request("POST", "/api/v2/dags/daily_trading/dagRuns", {"logical_date": None, "conf": conf})

    assert answer.status_code == 400
    assert next(iter(conf)) in answer.text


@pytest.mark.parametrize("conf", [{"captial": 5}, {"session_date": "2024-11-23"}], ids=json.dumps)
def test_what_only_the_task_can_refuse_fails_the_run_at_once_and_leaves_nothing(
    live: Live, conf: dict[str, Any]
) -> None:
    before = live.sandbox.book()["posts_total"]

    run = live.trigger(conf=conf)

    assert live.wait(run) == "failed"
    assert live.task(run, "fetch_signals")["try_number"] == 1
    assert live.ledger_run(run) is None
    assert live.sandbox.book()["posts_total"] == before


# ── clearing ──


def test_whatever_is_cleared_no_order_is_sent_a_second_time(live: Live) -> None:
    run = live.trigger("daily_trading__cleared")
    assert live.wait(run) == "success"

    def still_once() -> None:
        assert live.wait(run) == "success"
        assert completed(live, run)
        assert live.booked("cleared") == once("cleared")
        assert live.posts(run) == once("cleared")

    still_once()
    live.clear(run, ("submit_orders", 1))
    still_once()
    assert [live.task(run, "submit_orders", index)["try_number"] for index in range(PER_STRATEGY)] == [1, 2, 1]
    live.clear(run, "submit_orders", downstream=True)
    still_once()
    live.clear_run(run)
    still_once()
    assert live.task(run, "fetch_signals")["try_number"] == 2
    live.mark(run, "failed")
    live.clear_run(run)
    still_once()


@pytest.mark.heavy
def test_the_waits_between_tries_begin_anew_after_a_clear(live: Live) -> None:
    live.sandbox.fault("down_503", service="signals")
    run = live.trigger("daily_trading__retried")

    def waiting(try_number: int) -> float:
        """Wait until that try has failed and return the seconds until the next."""

        def found() -> dict[str, Any]:
            row = live.retry_of(run, "fetch_signals")
            return row if (row.get("state"), row.get("try_number")) == ("up_for_retry", try_number) else {}

        return float(until(found, f"try {try_number} of fetch_signals to have failed")["retry_delay_override"])

    assert waiting(1) == RETRY_SECONDS[0]
    assert waiting(2) == RETRY_SECONDS[1]
    live.clear(run, "fetch_signals")  # while it waits
    assert waiting(3) == RETRY_SECONDS[0]
    assert waiting(4) == RETRY_SECONDS[1]
    live.sandbox.clear_faults()
    assert live.wait(run) == "success"
    assert completed(live, run)

    # A replay has no plan to read back: cleared after its end, it asks for signals again.
    run = live.trigger("daily_trading__retried", {"session_date": "2024-11-22"})
    assert live.wait(run) == "success"
    live.sandbox.fault("down_503", service="signals")
    live.clear(run, "fetch_signals", downstream=True)
    assert waiting(2) == RETRY_SECONDS[0]
    live.sandbox.clear_faults()
    assert live.wait(run) == "success"


# ── killing ──


def test_a_task_killed_while_its_order_is_under_way_loses_and_doubles_nothing(live: Live) -> None:
    live.sandbox.fault("timeout_after_accept", times=1, seconds=60)
    run = live.trigger("daily_trading__killed")
    task = live.sending(run)

    os.kill(task["pid"], signal.SIGKILL)

    assert live.wait(run) == "success"
    assert live.task(run, "submit_orders", task["map_index"])["try_number"] >= 2
    assert completed(live, run)
    assert live.booked("killed") == once("killed")
    assert live.posts(run) == once("killed")


@pytest.mark.heavy
def test_a_scheduler_killed_in_the_middle_is_carried_on_by_the_next(live: Live) -> None:
    live.sandbox.fault("slow_answer", seconds=8)
    run = live.trigger("daily_trading__scheduled")
    live.sending(run)

    live.kill("scheduler")
    live.start("scheduler")

    assert live.wait(run, timeout_seconds=600) == "success"
    assert completed(live, run)
    assert live.booked("scheduled") == once("scheduled")
    assert live.posts(run) == once("scheduled")


@pytest.mark.heavy
def test_two_schedulers_start_no_order_twice(live: Live) -> None:
    live.start("second scheduler", "scheduler")
    try:
        run = live.trigger("daily_trading__doubled")
        assert live.wait(run) == "success"
        live.clear_run(run)
        assert live.wait(run) == "success"
    finally:
        live.stop("second scheduler")

    assert completed(live, run)
    assert live.booked("doubled") == once("doubled")
    assert live.posts(run) == once("doubled")


@pytest.mark.heavy
def test_a_database_that_restarts_in_the_middle_loses_and_doubles_nothing(live: Live) -> None:
    live.sandbox.fault("slow_answer", seconds=8)
    run = live.trigger("daily_trading__database")
    live.sending(run)

    live.restart_postgres()

    def ended() -> str:
        # As a service manager does: a component that gives up without its database is started again.
        live.revive()
        if not live.healthy(["metadatabase"]):
            return ""
        state = live.state(run)
        return state if state in ("success", "failed") else ""

    assert until(ended, f"the end of {run}", timeout_seconds=600) == "success"
    assert completed(live, run)
    assert live.booked("database") == once("database")
    assert live.account().state == "active"
    until(lambda: not live.revive() and live.healthy(), "Airflow's health")
