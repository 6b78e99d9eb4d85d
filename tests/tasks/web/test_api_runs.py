"""Runs through the API: started as Airflow starts them, listed with a true total, read whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from include.trading.order.identity import run_id
from tests.support.engine import sandbox_strategy
from tests.support.web import API, Site

UNKNOWN_RUN = "00000000-0000-0000-0000-000000000000"


def set_dag(**values: Any) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "daily_trading").values(**values))


def dag_runs() -> dict[str, dict[str, Any]]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.execute(select(DagRun.run_id, DagRun.conf).where(DagRun.dag_id == "daily_trading"))
        return {row.run_id: row.conf or {} for row in rows}


def test_a_run_is_started_and_its_id_is_known_before_it_begins(site: Site) -> None:
    response = site.post("/run", {"symbols": ["AAPL", "MSFT"], "capital": "50000.50", "strategy_id": "daily_trading"})

    assert response.status_code == 202, response.text
    accepted = response.json()
    assert accepted["state"] == "queued"
    assert dag_runs()[accepted["airflow_run_id"]] == {"symbols": ["AAPL", "MSFT"], "capital": 50000.5}
    assert UUID(accepted["run_id"]) == run_id("daily_trading", accepted["airflow_run_id"], is_backfill=False)
    assert response.headers["Location"] == accepted["links"]["run"] == f"{API}/runs/{accepted['run_id']}"


def test_a_repeated_idempotency_key_returns_the_same_run(site: Site) -> None:
    first = site.post("/run", {"mode": "plan"}, **{"Idempotency-Key": "morning"})
    before = len(dag_runs())
    second = site.post("/run", {"mode": "plan"}, **{"Idempotency-Key": "morning"})

    assert (first.status_code, second.status_code) == (202, 202)
    assert second.json()["run_id"] == first.json()["run_id"]
    assert len(dag_runs()) == before


def test_an_idempotency_key_does_not_stand_for_two_requests(site: Site) -> None:
    site.post("/run", {"mode": "plan"}, **{"Idempotency-Key": "noon"})

    response = site.post("/run", {"mode": "replay"}, **{"Idempotency-Key": "noon"})

    assert response.status_code == 422
    assert "use a new key" in response.json()["detail"]


def test_a_repeated_key_finds_its_run_although_the_dag_is_paused_now(site: Site) -> None:
    first = site.post("/run", {}, **{"Idempotency-Key": "evening"})
    set_dag(is_paused=True)
    try:
        second = site.post("/run", {}, **{"Idempotency-Key": "evening"})
    finally:
        set_dag(is_paused=False)

    assert second.json() == first.json()


@pytest.mark.parametrize(
    ("column", "title"), [("is_paused", "The DAG is paused"), ("has_import_errors", "The DAG is broken")]
)
def test_a_dag_that_would_not_run_is_refused(site: Site, column: str, title: str) -> None:
    before = len(dag_runs())
    set_dag(**{column: True})
    try:
        response = site.post("/run", {})
    finally:
        set_dag(**{column: False})

    assert response.status_code == 409
    assert response.json()["title"] == title
    assert len(dag_runs()) == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"symbols": ["TSLA"]}, "found TSLA"),
        ({"symbols": ["aapl"]}, "capital letters"),
        ({"symbols": []}, "at least 1 item"),
        ({"capital": 200000}, "at most 100000"),
        ({"capital": -1}, "greater than 0"),
        ({"mode": "live"}, "paper or safer"),
        ({"session_date": "2026-11-26"}, "2026-11-26"),
        ({"as_of_date": "tomorrow"}, "YYYY-MM-DD"),
        ({"session_date": "2026-01-05", "as_of_date": "2026-01-05"}, "before the session"),
        ({"strategy_id": "nobody"}, "expected one of daily_trading"),
        ({"wait": True, "wait_seconds": 100000}, "less than or equal to 600"),
        ({"simbols": ["AAPL"]}, "Extra inputs"),
    ],
)
def test_what_a_run_would_refuse_is_refused_before_it_starts(site: Site, body: dict[str, Any], words: str) -> None:
    before = len(dag_runs())

    response = site.post("/run", body)

    assert response.status_code == 422, response.text
    assert words in response.json()["detail"]
    assert len(dag_runs()) == before


def test_who_waits_gets_the_result_when_the_run_has_ended(site: Site) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    key = {"Idempotency-Key": "waiting"}
    accepted = site.post("/run", {}, **key).json()
    done = site.engine.run(accepted["airflow_run_id"], sandbox_strategy())
    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == accepted["airflow_run_id"]).values(state="success"))

    response = site.post("/run", {"wait": True}, **key)

    assert response.status_code == 200
    assert response.json()["run"]["run_id"] == str(done.run_id) == accepted["run_id"]
    assert response.json()["run"]["status"] == "completed"


def test_who_waits_for_a_run_that_does_not_end_gets_its_links(site: Site) -> None:
    response = site.post("/run", {"wait": True, "wait_seconds": 0.2})

    assert response.status_code == 202
    assert response.json()["state"] == "queued"


def test_a_run_is_read_whole(site: Site) -> None:
    done = site.engine.run("one", sandbox_strategy())

    found = site.get(f"/runs/{done.run_id}").json()

    assert found["run"]["status"] == "completed"
    assert len(found["mappings"]) == 5
    assert len(found["orders"]) == done.num_orders_filled == 4
    for order in found["orders"]:
        events = [event["to_state"] for event in order["events"]]
        assert (events[0], events[-1]) == ("planned", "filled")
        assert order["filled_quantity"] == order["quantity"]
        assert sum(Decimal(fill["quantity"]) for fill in order["fills"]) == Decimal(order["quantity"])
    assert {alert["kind"] for alert in found["alerts"]} == {"summary"}


def test_a_run_that_is_not_there_is_not_found(site: Site) -> None:
    response = site.get(f"/runs/{UNKNOWN_RUN}")

    assert response.status_code == 404
    assert UNKNOWN_RUN in response.json()["detail"]


def test_runs_are_listed_newest_first_with_a_true_total(site: Site) -> None:
    names = ["one", "two", "three"]
    for name in names:
        site.engine.run(name, sandbox_strategy())

    page = site.get("/runs", limit=2).json()
    rest = site.get("/runs", limit=2, offset=2).json()

    assert page["total"] == rest["total"] == 3
    assert [run["airflow_run_id"] for run in page["runs"] + rest["runs"]] == names[::-1]


def test_filters_narrow_the_list_and_its_total(site: Site) -> None:
    done = site.engine.run("one", sandbox_strategy())
    site.engine.open(site.engine.identity("two"), sandbox_strategy())
    day = done.session_date.isoformat()

    assert site.get("/runs", status="running").json()["total"] == 1
    assert site.get("/runs", strategy_id="daily_trading", session_from=day, session_to=day).json()["total"] == 2
    assert site.get("/runs", session_to="2020-01-02").json()["total"] == 0
    assert site.get("/runs", strategy_id="another").json()["total"] == 0
    found = site.get("/runs", dag_id="daily_trading", airflow_run_id="one").json()["runs"]
    assert [run["run_id"] for run in found] == [str(done.run_id)]


@pytest.mark.parametrize(
    "filters",
    [
        {"status": "great"},
        {"limit": 0},
        {"limit": 1000},
        {"offset": -1},
        {"session_from": "yesterday"},
        {"session_from": "2026-01-06", "session_to": "2026-01-05"},
        {"strategy": "daily_trading"},
        {"strategy_id": "a\x00b"},
    ],
)
def test_a_filter_that_does_not_fit_is_refused(site: Site, filters: dict[str, Any]) -> None:
    response = site.get("/runs", **filters)

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert next(iter(filters)) in response.json()["detail"]


def test_a_run_id_that_is_none_is_refused(site: Site) -> None:
    assert site.get("/runs/daily_trading").status_code == 422


def test_a_dead_ledger_is_said_in_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", "postgresql://trading:hidden@127.0.0.1:1/trading")

    response = site.get("/runs")

    assert response.status_code == 503
    assert response.json()["title"] == "The ledger is not available"
    assert "hidden" not in response.text
    assert "Retry-After" in response.headers


def test_a_run_under_way_counts_what_is_planned_and_sent_now(site: Site) -> None:
    run, intents = site.engine.plan(site.engine.identity("halfway"), sandbox_strategy())
    site.engine.submit(intents[0].client_order_id)

    found = site.get(f"/runs/{run.run_id}").json()["run"]

    assert (found["status"], found["num_orders_planned"], found["num_orders_submitted"]) == ("running", 4, 1)
    assert (found["num_orders_accepted"], found["airflow_state"]) == (1, None)


def test_a_request_that_never_became_a_run_says_why(site: Site) -> None:
    with site.engine.ledger() as ledger:
        step = ledger.steps.start(run_id("daily_trading", "nonsense", is_backfill=False), "fetch_signals", try_number=1)
        ledger.steps.end(step, error="mode: expected paper or safer, found live")

    def refusal(airflow_run_id: str) -> Any:
        return site.get("/refusal", dag_id="daily_trading", airflow_run_id=airflow_run_id).json()["words"]

    assert refusal("nonsense") == "mode: expected paper or safer, found live"
    assert refusal("another") is None
