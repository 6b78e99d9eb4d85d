"""The four operators, called as Airflow calls them, over a real ledger and a real sandbox."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from include.adapters.venues.gateway.client import GatewayClient
from include.execution.duty.account import resume
from include.execution.settings import Settings
from include.ledger.ledger import open_ledger
from include.sandbox.runner import start_sandbox
from include.trading.errors import InvalidData, NotFound, Unavailable
from include.trading.run.row import Run
from tests.support.engine import SYMBOLS, sandbox_strategy
from tests.support.place import Place
from tests.support.tasks import DagRun, connections, http_connection
from trading_airflow.operators.fills import TrackFillsOperator
from trading_airflow.operators.orders import MapOrdersOperator, SubmitOrderOperator
from trading_airflow.operators.signals import FetchSignalsOperator
from trading_airflow.operators.task import identity_of

SECRET = "a-secret-of-the-gateway-and-the-signal-service-" + "x" * 64


either_contract = pytest.mark.parametrize("place", ["v1", "v2"], indirect=True)


def execute(operator: BaseOperator, context: Context) -> Any:
    """Return an operator's result after a trip through plain JSON, as XCom makes it."""
    result = operator.execute(context)

    assert json.loads(json.dumps(result)) == result
    return result


def run_of(place: Place, dag_run: DagRun) -> Run:
    return place.run(identity_of(dag_run.context()))


def fetch(dag_run: DagRun, strategy_id: str = "daily_trading", **params: Any) -> dict[str, Any]:
    operator = FetchSignalsOperator(task_id="fetch_signals", strategy_id=strategy_id)
    result: dict[str, Any] = execute(operator, dag_run.context(**params))
    return result


def map_orders(dag_run: DagRun, signals: dict[str, Any]) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = execute(MapOrdersOperator(task_id="map_orders", signals=signals), dag_run.context())
    return result


def submit(dag_run: DagRun, order: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
    operator = SubmitOrderOperator(task_id="submit_orders", order=order)
    result: dict[str, Any] = execute(operator, context or dag_run.context())
    return result


def track(dag_run: DagRun) -> dict[str, Any]:
    result: dict[str, Any] = execute(TrackFillsOperator(task_id="track_fills", orders=[]), dag_run.context())
    return result


def trade(dag_run: DagRun, **params: Any) -> dict[str, Any]:
    for order in map_orders(dag_run, fetch(dag_run, **params)):
        submit(dag_run, order)
    return track(dag_run)


def positions(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["symbol"] for row in rows}


# ── a run, task by task ──


@either_contract
def test_the_four_tasks_trade_a_session_and_pass_on_plain_data(place: Place) -> None:
    dag_run = DagRun()

    signals = fetch(dag_run)
    orders = map_orders(dag_run, signals)
    sent = [submit(dag_run, order) for order in orders]
    result = track(dag_run)

    assert set(signals) == {"run_id", "session_date", "as_of_date", "mode", "mode_reason", "source", "signals"}
    assert positions(signals["signals"]) <= set(SYMBOLS)
    assert signals["mode"] == "paper"
    assert [set(order) for order in orders] == [{"symbol", "label", "client_order_ids"}] * 4
    assert [answer["orders"][0]["state"] for answer in sent] == ["open"] * 4
    assert result["status"] == "completed"
    assert result["run_id"] == signals["run_id"]
    run = run_of(place, dag_run)
    assert (run.status, run.num_orders_filled, run.error_message) == ("completed", 4, None)


def test_the_label_of_an_order_says_first_what_it_is_and_then_what_became_of_it(place: Place) -> None:
    dag_run = DagRun()
    order, *_ = map_orders(dag_run, fetch(dag_run))
    context = dag_run.context()
    place.sandbox.admin.settings(reject={order["symbol"]: "not today"})

    submit(dag_run, order, context)

    assert order["label"].startswith(f"{order['symbol']} ")
    assert context["label"] == f"{order['label']} → rejected"  # type: ignore[typeddict-item]


def test_a_rejected_order_is_a_result_with_the_gateways_words_and_not_an_error(place: Place) -> None:
    dag_run = DagRun()
    order, *_ = map_orders(dag_run, fetch(dag_run))
    place.sandbox.admin.settings(reject={order["symbol"]: "not today"})

    (sent,) = submit(dag_run, order)["orders"]

    assert sent["state"] == "rejected"
    assert "not today" in sent["reason"]


def test_the_quantity_sent_is_the_ledgers_whatever_came_by_xcom(place: Place) -> None:
    dag_run = DagRun()
    order, *_ = map_orders(dag_run, fetch(dag_run))
    (intent,) = (found for found in place.orders(run_of(place, dag_run)) if found.symbol == order["symbol"])

    submit(dag_run, order | {"label": "AAPL buy 999999", "quantity": 999999})

    (booked,) = place.sandbox.admin.book()["orders"]
    assert booked["qty"] == intent.quantity


def test_an_order_id_of_another_plan_is_refused(place: Place) -> None:
    dag_run = DagRun()
    map_orders(dag_run, fetch(dag_run))

    with pytest.raises(InvalidData, match="p0123456789"):
        submit(dag_run, {"symbol": "AAPL", "label": "AAPL buy 1", "client_order_ids": ["p0123456789"]})

    assert place.sandbox.admin.book()["posts_total"] == 0


def test_an_order_of_an_earlier_plan_is_refused(place: Place) -> None:
    earlier = DagRun()
    trade(earlier)
    order, *_ = place.orders(run_of(place, earlier))
    dag_run = DagRun("manual__2")
    map_orders(dag_run, fetch(dag_run, revision=2))

    with pytest.raises(InvalidData, match=order.client_order_id):
        submit(dag_run, {"symbol": order.symbol, "label": "?", "client_order_ids": [order.client_order_id]})


def test_nothing_is_sent_when_the_second_leg_is_of_another_plan(place: Place) -> None:
    dag_run = DagRun()
    order, *_ = map_orders(dag_run, fetch(dag_run))

    with pytest.raises(InvalidData, match="p0123456789"):
        submit(dag_run, order | {"client_order_ids": [*order["client_order_ids"], "p0123456789"]})

    assert place.sandbox.admin.book()["posts_total"] == 0


def test_every_task_may_run_again_after_the_end_and_nothing_is_sent_twice(place: Place) -> None:
    dag_run = DagRun()
    first = trade(dag_run)

    again = trade(dag_run)

    assert again == first
    assert set(place.sandbox.admin.book()["posts_by_id"].values()) == {1}
    assert place.rows("order_intents") == 4


def test_mapping_again_after_the_prices_moved_gives_the_same_orders(place: Place) -> None:
    dag_run = DagRun()
    signals = fetch(dag_run)
    orders = map_orders(dag_run, signals)
    place.sandbox.admin.fault("price_is", price="1")

    assert map_orders(dag_run, signals) == orders


def test_a_run_with_its_plan_does_not_ask_for_signals_again(place: Place) -> None:
    dag_run = DagRun()
    map_orders(dag_run, fetch(dag_run))
    place.sandbox.admin.fault("plain_500", service="signals")

    assert fetch(dag_run)["signals"] == []


def test_a_failed_run_makes_its_last_task_fail_without_another_try(place: Place) -> None:
    dag_run = DagRun()
    place.sandbox.admin.settings(reject=dict.fromkeys(SYMBOLS, "halted"))

    with pytest.raises(AirflowFailException, match=r"0 acknowledged.*4 of 4 orders rejected"):
        trade(dag_run)

    run = run_of(place, dag_run)
    assert (run.status, run.num_orders_rejected) == ("failed", 4)


def test_a_signal_service_that_asks_to_be_left_alone_uses_up_no_try(place: Place) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    dag_run = DagRun()
    place.sandbox.admin.fault("rate_limited", service="signals", retry_after=0)

    with pytest.raises(TaskDeferred) as deferred:
        fetch(dag_run)
    assert (deferred.value.method_name, run_of(place, dag_run).error_message) == ("execute_complete", None)
    place.sandbox.admin.clear_faults()

    operator = FetchSignalsOperator(task_id="fetch_signals", strategy_id="daily_trading")
    assert operator.execute_complete(dag_run.context())["signals"]


def test_a_gateway_that_asks_to_be_left_alone_uses_up_no_try_and_a_person_lifts_its_pause(place: Place) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    dag_run = DagRun()
    order, *_ = map_orders(dag_run, fetch(dag_run))
    place.sandbox.admin.fault("rate_limited", times=1, retry_after=3600)
    for _ in range(2):
        with pytest.raises(TaskDeferred):
            submit(dag_run, order)
    assert place.sandbox.admin.book()["posts_total"] == 1

    with open_ledger(place.ledger_url) as ledger:
        (account,) = ledger.accounts.all()
        resume(ledger, account.account, actor="ada", reason="the limit was raised", settings=Settings())

    (sent,) = SubmitOrderOperator(task_id="submit_orders", order=order).execute_complete(dag_run.context())["orders"]
    assert sent["state"] == "open"


def test_an_error_that_is_not_ours_stands_in_the_runs_row(place: Place) -> None:
    dag_run = DagRun()
    fetch(dag_run)
    operator = MapOrdersOperator(task_id="map_orders", signals={})

    with pytest.raises(ValueError, match="beyond"), operator.ledger(dag_run.context()):
        raise ValueError("beyond any number")

    assert run_of(place, dag_run).error_message == "map_orders: ValueError: beyond any number"


def test_an_open_order_makes_tracking_give_its_slot_back(place: Place) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    dag_run = DagRun()
    place.sandbox.admin.settings(fill_after_seconds=3600)
    place.monkeypatch.setenv("TRADING_FAST_POLL_SECONDS", "0")
    orders = map_orders(dag_run, fetch(dag_run))
    submit(dag_run, orders[0])

    with pytest.raises(TaskDeferred) as first:
        track(dag_run)
    with pytest.raises(TaskDeferred) as second:
        TrackFillsOperator(task_id="track_fills", orders=[]).execute_complete(
            dag_run.context(), None, **first.value.kwargs or {}
        )

    assert first.value.method_name == "execute_complete"
    assert (first.value.kwargs, second.value.kwargs) == ({"waits": 1}, {"waits": 2})
    path, arguments = first.value.trigger.serialize()
    assert path == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
    assert arguments["moment"] > datetime.now(UTC) + timedelta(seconds=10)


def test_an_increase_gives_its_slot_back_while_a_sale_is_open_and_goes_on_once_it_is_final(place: Place) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    waiting = {"symbols": ("AAPL", "KO"), "bottom_n": 0, "orders": {"reductions_first": "always"}}
    place.trades(sandbox_strategy(**waiting, top_n=2))
    trade(DagRun("manual__buys"))
    place.trades(sandbox_strategy(**waiting, top_n=1, max_position_size=20_000))
    place.sandbox.admin.settings(fill_after_seconds=3600)
    dag_run = DagRun("manual__rotates")
    sale, purchase = map_orders(dag_run, fetch(dag_run, revision=2))
    assert (sale["label"].split()[1], purchase["label"].split()[1]) == ("sell", "buy")

    (sold,) = submit(dag_run, sale)["orders"]
    operator = SubmitOrderOperator(task_id="submit_orders", order=purchase)
    waits = []
    for number in range(3):
        with pytest.raises(TaskDeferred) as deferred:
            operator.execute_complete(dag_run.context(), None, waits=number)
        waits.append(deferred.value.kwargs)
    assert waits == [{"waits": 1}, {"waits": 2}, {"waits": 3}]
    assert place.sandbox.admin.book()["posts_total"] == 3

    place.sandbox.admin.order(sold["client_order_id"], fill=int(sold["quantity"]))
    (bought,) = operator.execute_complete(dag_run.context(), None, waits=3)["orders"]
    assert bought["state"] == "open"


# ── runs that never send ──


@pytest.mark.parametrize(
    ("dag_run", "params", "reason"),
    [
        (DagRun(run_type="manual"), {"session_date": "2024-11-22"}, "the session 2024-11-22 ended"),
        (
            DagRun("scheduled__x", "backfill", datetime(2024, 11, 22, 14, 30, tzinfo=UTC)),
            {},
            "a backfill never trades",
        ),
        (DagRun(), {"mode": "replay", "session_date": "2024-11-22"}, "ended"),
    ],
    ids=["past session", "backfill", "asked for"],
)
def test_a_replay_is_given_a_gateway_that_has_no_way_to_submit(
    place: Place, dag_run: DagRun, params: dict[str, Any], reason: str
) -> None:
    signals = fetch(dag_run, **params)
    orders = map_orders(dag_run, signals)

    run = run_of(place, dag_run)
    assert run.mode == "replay"
    assert reason in (run.mode_reason or "")
    assert orders == []
    assert place.rows("order_intents") == 0
    operator = MapOrdersOperator(task_id="map_orders", signals=signals)
    with (
        open_ledger(place.ledger_url) as ledger,
        operator.desk(ledger, run, dag_run.context()) as desk,
        pytest.raises(TypeError, match="cannot submit"),
    ):
        assert not hasattr(desk.reader, "submit")
        assert not isinstance(desk.reader, GatewayClient)
        desk.client  # noqa: B018 - the property refuses
    result = track(dag_run)
    assert result["status"] == "completed"
    assert result["summary"].startswith("REPLAY (")
    assert place.sandbox.admin.book()["posts_total"] == 0


def test_a_replay_needs_no_gateway_at_all(place: Place) -> None:
    place.trades(sandbox_strategy(mode="plan"))
    place.monkeypatch.delenv("AIRFLOW_CONN_EXECUTION_GATEWAY")
    dag_run = DagRun("backfill__1", "backfill", datetime(2024, 11, 22, 14, 30, tzinfo=UTC))

    assert trade(dag_run)["status"] == "completed"


# ── what is wrong gets one clear error, and nothing is written ──


def nothing_written(place: Place) -> bool:
    return all(
        place.rows(table) == 0
        for table in ("orchestration_runs", "signal_order_mappings", "plans", "order_intents", "breaks")
    )


@pytest.mark.parametrize(
    ("connection", "error"),
    [
        ("SIGNAL_SERVICE", NotFound),
        ("EXECUTION_GATEWAY", NotFound),
        ("TRADING_LEDGER", InvalidData),
    ],
)
def test_a_missing_connection_is_named_with_how_to_set_it(place: Place, connection: str, error: type) -> None:
    place.monkeypatch.delenv(f"AIRFLOW_CONN_{connection}")

    with pytest.raises(error, match=rf"connection '{connection.lower()}' does not exist: .* AIRFLOW_CONN_{connection}"):
        fetch(DagRun())

    assert place.sandbox.admin.book()["posts_total"] == 0
    assert place.rows("order_intents") == 0


def test_missing_market_data_is_named_before_anything_is_frozen(place: Place) -> None:
    dag_run = DagRun()
    signals = fetch(dag_run)
    place.monkeypatch.delenv("AIRFLOW_CONN_MARKET_DATA")

    with pytest.raises(NotFound, match="connection 'market_data' does not exist"):
        map_orders(dag_run, signals)

    assert place.rows("plans") == 0


def test_a_ledger_without_migrations_is_refused_with_the_command(place: Place, empty_database_url: str) -> None:
    place.monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", empty_database_url)

    with pytest.raises(InvalidData, match=r"at version none.*python -m include\.ops migrate"):
        fetch(DagRun())

    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT 1 FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


def test_a_ledger_that_does_not_answer_is_worth_another_try(place: Place) -> None:
    place.monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", "postgresql://nobody:secret-word@127.0.0.1:1/trading")

    with pytest.raises(Unavailable, match="the ledger's database did not answer") as refused:
        fetch(DagRun())

    assert "secret-word" not in str(refused.value)


@pytest.mark.parametrize("service", ["SIGNAL_SERVICE", "EXECUTION_GATEWAY"])
@pytest.mark.parametrize("extra", [{"contract": "v3", "account": "a"}, {"account": "a"}], ids=["v3", "none"])
def test_a_connection_without_a_known_contract_is_refused(place: Place, service: str, extra: dict[str, str]) -> None:
    if service == "SIGNAL_SERVICE":
        extra = {name: value for name, value in extra.items() if name != "account"}
    place.monkeypatch.setenv(f"AIRFLOW_CONN_{service}", http_connection("http://127.0.0.1:1", **extra))

    with pytest.raises(InvalidData, match=rf"connection '{service.lower()}': .*contract"):
        fetch(DagRun())

    assert place.rows("order_intents") == 0


@either_contract
def test_a_gateway_of_the_other_contract_is_refused_before_anything_is_sent(place: Place) -> None:
    other = "v2" if place.contract == "v1" else "v1"
    place.connect(other)

    with pytest.raises(InvalidData, match=f"contract.*{other}"):
        fetch(DagRun())

    assert place.sandbox.admin.book()["posts_total"] == 0


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"captial": 5}, "captial"),
        ({"mode": "live"}, "mode: expected paper or safer, found live"),
        ({"symbols": ["AA PL"]}, "symbols.*no space.*'AA PL'"),
        ({"symbols": ["NVDA"]}, "symbols: expected some of .*found NVDA"),
        ({"capital": -1}, "capital"),
        ({"capital": 100_001}, "capital: expected at most 100000"),
        ({"max_position_size": 10_001}, "max_position_size: expected at most 10000"),
        ({"session_date": "2024-11-23"}, "Saturday 2024-11-23.*nearest sessions are 2024-11-22 and 2024-11-25"),
        ({"session_date": "2024-11-28"}, "Thursday 2024-11-28"),
        ({"as_of_date": "2024-11-24"}, "Sunday 2024-11-24"),
        ({"session_date": "2024-11-22", "as_of_date": "2024-11-22"}, "as_of_date.*a day before the session"),
        ({"session_date": 20241122}, "session_date.*YYYY-MM-DD"),
        ({"revision": 7}, "revision.*expected 1; got 7"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_params_that_make_no_sense_or_are_less_safe_are_refused_and_nothing_is_written(
    place: Place, params: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidData, match=words):
        fetch(DagRun(), **params)

    assert nothing_written(place)


@pytest.mark.parametrize(
    ("conf", "params", "words"),
    [
        ({"mode": "plan"}, {}, r"asked for mode='plan'.*dag_run_conf_overrides_params is off"),
        ({"capital": 10, "mode": "plan"}, {"mode": "plan"}, r"asked for capital=10, "),
        ({"mode": "plan", "flatten": True}, {"mode": "paper"}, r"asked for mode='plan', flatten=True, "),
        ({"symbols": ["AAPL"]}, {"symbols": None}, r"asked for symbols=\['AAPL'\], "),
        ({"captial": 10}, {}, "captial"),
    ],
)
def test_what_a_trigger_asked_for_and_airflow_did_not_pass_on_is_named_and_nothing_is_written(
    place: Place, conf: dict[str, Any], params: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidData, match=words):
        fetch(DagRun(conf=conf), **params)

    assert nothing_written(place)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"capital": -100}, r"daily_trading.*capital"),
        ({"capitol": 100}, r"daily_trading.*capitol"),
        ({"symbols": ["AAPL", "MS FT"]}, r"daily_trading.*symbols.*'MS FT'"),
    ],
)
def test_a_strategy_that_became_invalid_is_refused_and_nothing_is_written(
    place: Place, change: dict[str, Any], words: str
) -> None:
    place.trades(sandbox_strategy().model_dump(mode="json", exclude_defaults=True) | change)

    with pytest.raises(InvalidData, match=words):
        fetch(DagRun())

    assert nothing_written(place)


def test_a_strategy_that_is_gone_is_refused_and_nothing_is_written(place: Place) -> None:
    with pytest.raises(InvalidData, match=r"strategy 'momentum' is not in .*strategies\.yaml: no such entry"):
        fetch(DagRun(), strategy_id="momentum")

    assert nothing_written(place)


def test_a_later_task_of_a_run_that_never_began_says_so(place: Place) -> None:
    with pytest.raises(InvalidData, match="it is written by fetch_signals"):
        track(DagRun())

    assert nothing_written(place)


def test_a_run_is_refused_at_a_gateway_that_is_live_where_it_is_paper_and_no_account_is_stopped(place: Place) -> None:
    place.sandbox.admin.settings(mode="live")

    with pytest.raises(Exception, match=r"the run's mode is paper, the gateway's is live"):
        fetch(DagRun())

    assert place.rows("breaks") == 0
    assert place.account().state == "active"


def test_the_reason_a_task_failed_is_kept_on_the_runs_row(place: Place) -> None:
    dag_run = DagRun()
    place.sandbox.admin.fault("down_503", service="signals")

    with pytest.raises(Unavailable):
        fetch(dag_run)

    run = run_of(place, dag_run)
    assert run.status == "running"
    assert (run.error_message or "").startswith("fetch_signals: ")
    assert "503" in (run.error_message or "")


def test_the_next_try_clears_the_reason_when_it_ends_well(place: Place) -> None:
    dag_run = DagRun()
    place.sandbox.admin.fault("down_503", service="signals", times=4)
    with pytest.raises(Unavailable):
        fetch(dag_run)

    trade(dag_run)

    run = run_of(place, dag_run)
    assert (run.status, run.error_message) == ("completed", None)


# ── secrets ──


def test_no_secret_reaches_xcom_or_the_ledger(place: Place, ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with start_sandbox(contract="v2", fill_after=0.2, secret=SECRET, market_key="key-id:key-word") as sandbox:
        secured = Place(sandbox, "v2", ledger_url, place.strategies, place.monkeypatch)
        secured.connect("v2")
        for service in ("SIGNAL_SERVICE", "EXECUTION_GATEWAY"):
            plain = json.loads(connections(sandbox, ledger_url, "v2")[f"AIRFLOW_CONN_{service}"])
            place.monkeypatch.setenv(f"AIRFLOW_CONN_{service}", json.dumps(plain | {"password": SECRET}))
        plain = json.loads(connections(sandbox, ledger_url, "v2")["AIRFLOW_CONN_MARKET_DATA"])
        place.monkeypatch.setenv(
            "AIRFLOW_CONN_MARKET_DATA", json.dumps(plain | {"login": "key-id", "password": "key-word"})
        )
        dag_run = DagRun()
        signals = fetch(dag_run)
        orders = map_orders(dag_run, signals)
        sent = [submit(dag_run, order) for order in orders]
        result = track(dag_run)

    said = json.dumps([signals, orders, sent, result]) + caplog.text
    with psycopg.connect(ledger_url) as connection:
        for table in ("orchestration_runs", "signal_order_mappings", "plans", "order_intents", "order_events"):
            said += str(connection.execute(f"SELECT to_json(t)::TEXT FROM {table} t").fetchall())  # noqa: S608 - ours
    assert result["status"] == "completed"
    assert SECRET not in said
    assert "key-word" not in said
