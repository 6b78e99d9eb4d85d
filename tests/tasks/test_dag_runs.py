"""Whole runs of the DAG, in this process, by Airflow's own runner: what they leave in the ledger, and their colour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select

from include.trading.errors import Unavailable
from tests.support.dag_runs import trade
from tests.support.dags import read_dags
from tests.support.engine import SYMBOLS, sandbox_strategy
from tests.support.place import Place
from trading_airflow.retries import TradingRetryPolicy

pytestmark = pytest.mark.usefixtures("metadata")
either_contract = pytest.mark.parametrize("place", ["v1", "v2"], indirect=True)

# The ADR's columns that a completed run must fill; `error_message` is of the others.
RUN_COLUMNS = (
    *("id", "run_id", "strategy_id", "as_of_date", "status", "symbols", "capital"),
    *("num_signals", "num_orders_submitted", "num_orders_accepted", "num_orders_rejected", "num_orders_filled"),
    *("started_at", "completed_at", "duration_seconds"),
    *("model_version", "signal_service_response", "execution_gateway_responses", "created_at"),
)
MAPPING_COLUMNS = (
    *("id", "run_id", "symbol", "predicted_return", "rank", "target_weight"),
    *("client_order_id", "order_qty", "order_side"),
    *("broker_order_id", "order_status", "filled_qty", "filled_avg_price", "created_at"),
)


@either_contract
def test_a_good_run_fills_every_column_of_the_adr_with_what_happened(place: Place) -> None:
    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status, run.mode, run.error_message) == ("success", "completed", "paper", None)
    row = {**vars(run), **ended.answers}
    assert [name for name in RUN_COLUMNS if row[name] is None] == []
    assert run.symbols == list(SYMBOLS)
    assert run.capital == Decimal(100_000)
    assert run.num_signals == len(ended.answers["signal_service_response"]["signals"])
    assert (run.num_orders_planned, run.num_orders_submitted) == (4, 4)
    assert (run.num_orders_accepted, run.num_orders_rejected, run.num_orders_filled) == (4, 0, 4)
    assert (run.num_orders_denied, run.num_orders_not_sent, run.num_orders_unknown) == (0, 0, 0)
    assert run.model_version == ended.answers["signal_service_response"]["metadata"]["model_version"]
    assert run.completed_at is not None
    assert run.duration_seconds == round(Decimal((run.completed_at - run.started_at) / timedelta(seconds=1)), 3)
    assert run.summary == (
        f"daily_trading {run.session_date} completed: {run.num_signals} signals, 4 orders, 4 acknowledged, 4 filled"
    )

    book = {order["symbol"]: order for order in place.sandbox.admin.book()["orders"]}
    ordered = [row for row in ended.mappings if row["outcome"] == "order"]
    assert {row["symbol"] for row in ended.mappings} == set(SYMBOLS)
    assert {row["symbol"] for row in ordered} == set(book)
    for row in ordered:
        order = book[row["symbol"]]
        assert [name for name in MAPPING_COLUMNS if row[name] is None] == []
        assert (row["order_side"], row["order_qty"]) == (order["side"], order["qty"])
        assert row["broker_order_id"] == order["broker_order_id"]
        assert (row["order_status"], row["filled_qty"]) == ("filled", order["qty"])
        assert row["filled_avg_price"] > 0
        answer = ended.answers["execution_gateway_responses"][row["client_order_id"]]
        assert (answer["symbol"], answer["state"]) == (row["symbol"], "filled")
        assert Decimal(answer["quantity"]) == row["order_qty"]

    labels = [ti.rendered_map_index for (name, _), ti in ended.tasks.items() if name == "submit_orders"]
    assert sorted(labels) == sorted(f"{o['symbol']} {o['side']} {o['qty']} → acknowledged" for o in book.values())


@pytest.mark.parametrize(
    "conf",
    [{"mode": "plan", "symbols": ["AAPL"], "capital": 10}, {"mode": "plan", "revision": 1}, {"flatten": True}],
)
def test_a_trigger_that_airflow_does_not_pass_on_is_refused_and_nothing_is_written(
    place: Place, monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAG_RUN_CONF_OVERRIDES_PARAMS", "False")
    dag = read_dags()["daily_trading"]
    dag.on_failure_callback = None

    dag_run = dag.test(run_conf=conf)

    assert DagRunState(dag_run.state).value == "failed"
    assert place.rows("orchestration_runs") == 0
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_a_run_without_a_conf_needs_no_setting_that_passes_it_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__DAG_RUN_CONF_OVERRIDES_PARAMS", "False")

    assert trade(place).run.status == "completed"


@pytest.mark.parametrize("words", ["no rows", "all zero"])
def test_no_tradable_signal_is_a_green_run_without_orders(place: Place, words: str) -> None:
    if words == "no rows":
        place.sandbox.admin.fault("empty_signals")
    else:
        place.trades(sandbox_strategy(top_n=0, bottom_n=0))

    ended = trade(place)

    assert (ended.color, ended.run.status) == ("success", "completed")
    assert (ended.run.num_orders_planned, ended.run.num_orders_submitted) == (0, 0)
    assert ended.run.model_version is not None
    assert ended.answers["signal_service_response"] is not None
    assert ended.answers["execution_gateway_responses"] == {}
    assert ended.states("submit_orders") == {"skipped": 1}
    assert ended.states("track_fills") == {"success": 1}
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_a_run_of_which_every_order_is_denied_fails_and_says_how_many_and_by_which_rule(place: Place) -> None:
    place.trades(sandbox_strategy(limits={"order_notional_usd": 1}))

    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status) == ("failed", "failed")
    assert (run.num_orders_planned, run.num_orders_submitted, run.num_orders_denied) == (0, 0, 4)
    assert run.error_message == "4 of 4 orders denied: order_notional 4"
    assert str(run.summary).endswith("0 orders, 0 acknowledged, 0 filled, 4 denied")
    assert place.sandbox.admin.book()["posts_total"] == 0


@either_contract
def test_one_rejected_order_is_recorded_and_the_others_go_on(place: Place) -> None:
    place.sandbox.admin.settings(reject={"KO": "KO is not tradable"})
    # Each of the five has a weight: of fewer, the day decides which.
    place.trades(sandbox_strategy(top_n=3, bottom_n=2))

    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status) == ("success", "partial")
    assert ended.states("submit_orders") == {"success": 5}
    assert (run.num_orders_submitted, run.num_orders_accepted, run.num_orders_rejected) == (5, 4, 1)
    assert run.num_orders_filled == 4
    assert run.error_message == "1 of 5 orders rejected"
    (rejected,) = (row for row in ended.mappings if row["order_status"] == "rejected")
    assert rejected["symbol"] == "KO"
    assert "KO is not tradable" in rejected["order_error"]
    assert place.account().state == "active"


def test_without_the_signal_service_the_run_is_red_and_sends_nothing(place: Place) -> None:
    place.sandbox.admin.fault("down_503", service="signals")

    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status) == ("failed", "failed")
    assert ended.tasks["fetch_signals", -1].try_number == 4
    assert ended.states("map_orders") == {"upstream_failed": 1}
    assert ended.states("submit_orders") == {"upstream_failed": 1}
    assert ended.states("track_fills") == {"failed": 1}
    assert (run.num_signals, run.num_orders_planned, run.num_orders_submitted) == (0, 0, 0)
    assert "fetch_signals: " in (run.error_message or "")
    assert "503" in (run.error_message or "")
    assert run.duration_seconds is not None
    assert place.account().state == "active"


def test_airflows_own_clear_makes_the_waits_begin_anew(place: Place) -> None:
    place.sandbox.admin.fault("down_503", service="signals")
    ended = trade(place)
    policy = TradingRetryPolicy((5, 10, 20))
    tried = ended.tasks["fetch_signals", -1].try_number

    for _ in range(2):
        with create_session() as session:
            query = select(TaskInstance).filter_by(run_id=ended.run.airflow_run_id, task_id="fetch_signals")
            task = session.scalars(query).one()
            clear_task_instances([task], session)
            session.flush()
            # Airflow 3.4 makes a row of its own for each try, with the next number; 3.3 counts when the try begins.
            task = session.scalars(query).one()
            waits = [
                policy.evaluate(Unavailable("down"), tried + more, task.max_tries).retry_delay for more in (1, 2, 3)
            ]
            assert task.max_tries == tried + 3
            assert waits == [timedelta(minutes=minutes) for minutes in (5, 10, 20)]


def test_without_the_gateway_the_run_is_red_and_the_account_stays_active(place: Place) -> None:
    place.sandbox.admin.fault("refuse_connections", service="gateway")
    try:
        ended = trade(place)
    finally:
        place.sandbox.admin.clear_faults()

    assert (ended.color, ended.run.status) == ("failed", "failed")
    assert ended.tasks["fetch_signals", -1].try_number == 4
    assert ended.run.plan_id is None
    assert ended.states("track_fills") == {"failed": 1}
    assert place.account().state == "active"
    assert place.rows("breaks") == 0


@pytest.mark.heavy
def test_a_gateway_that_never_takes_an_order_leaves_orders_not_sent_and_nothing_in_doubt(place: Place) -> None:
    place.sandbox.admin.fault("down_503")
    # Long enough for a slow machine to come to the orders, short enough to wait for.
    place.monkeypatch.setattr("include.trading.run.terms.SANDBOX_SEND", timedelta(seconds=90))
    place.monkeypatch.setattr("include.trading.run.terms.SANDBOX_CUTOFF", timedelta(seconds=1))

    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status) == ("failed", "failed")
    assert (run.num_orders_planned, run.num_orders_not_sent, run.num_orders_unknown) == (4, 4, 0)
    assert (run.num_orders_submitted, run.num_orders_accepted) == (0, 0)
    assert {row["order_status"] for row in ended.mappings if row["outcome"] == "order"} == {"not_sent"}
    assert place.sandbox.admin.book()["orders"] == []
    assert place.account().state == "active"
    assert place.rows("breaks") == 0


@either_contract
def test_a_dry_run_ends_with_the_gateways_dry_run_answers(place: Place) -> None:
    place.trades(sandbox_strategy(mode="dry_run"))
    place.sandbox.admin.settings(mode="dry_run")

    ended = trade(place)

    run = ended.run
    assert (ended.color, run.status, run.mode) == ("success", "completed", "dry_run")
    assert (run.num_orders_submitted, run.num_orders_accepted, run.num_orders_filled) == (4, 4, 0)
    assert {row["order_status"] for row in ended.mappings if row["outcome"] == "order"} == {"dry_run"}
    assert place.sandbox.admin.book()["orders"] == []


def test_a_dry_run_at_a_gateway_that_trades_is_refused_and_stops_nothing_else(place: Place) -> None:
    place.trades(sandbox_strategy(mode="dry_run"))

    ended = trade(place)

    assert (ended.color, ended.run.status) == ("failed", "failed")
    assert ended.tasks["fetch_signals", -1].try_number == 1
    assert "the run's mode is dry_run, the gateway's is paper" in (ended.run.error_message or "")
    assert (place.account().state, place.rows("breaks"), place.rows("plans")) == ("active", 0, 0)
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_a_past_session_is_replayed_and_green(place: Place) -> None:
    ended = trade(place, session_date="2024-11-22")

    run = ended.run
    assert (ended.color, run.status, run.mode) == ("success", "completed", "replay")
    assert run.num_orders_planned == 4
    assert run.num_orders_submitted == 0
    assert (run.summary or "").startswith("REPLAY (the session 2024-11-22 ended")
    assert ended.states("submit_orders") == {"skipped": 1}
    assert {row["price_at"] for row in ended.mappings} == {datetime(2024, 11, 21, 21, tzinfo=UTC)}
    assert place.sandbox.admin.book()["posts_total"] == 0
