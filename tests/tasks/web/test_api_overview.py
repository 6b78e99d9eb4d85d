"""What the overview shows through the API: health in bounded time, the next session, check, alerts, history."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from include.trading.alerts.catalogue import Alarm
from tests.support.engine import sandbox_strategy
from tests.support.web import Site


def components(site: Site) -> dict[str, str]:
    return {found["name"]: found["status"] for found in site.get("/health").json()["components"]}


def test_everything_that_works_is_healthy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine may be slower than the three seconds of production.
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "20")
    run = site.engine.run("one", sandbox_strategy())

    response = site.get("/health")

    found = response.json()
    assert (response.status_code, found["status"]) == (200, "healthy"), found
    assert [component["status"] for component in found["components"]] == ["healthy"] * 4
    assert found["last_run"]["run_id"] == str(run.run_id)
    assert found["accounts"][0]["state"] == "active"


@pytest.mark.parametrize("service", ["gateway", "signals", "market"])
def test_a_service_that_is_down_is_unhealthy(site: Site, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "20")
    site.sandbox.admin.fault("refuse_connections", service=service)

    response = site.get("/health")

    ill = [found["name"] for found in response.json()["components"] if found["status"] == "unhealthy"]
    assert response.status_code == 503
    assert len(ill) == 1
    assert ill[0].startswith({"gateway": "venue ", "signals": "signals ", "market": "prices "}[service])


def test_a_gateway_that_hangs_does_not_make_health_hang(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "1.5")
    site.sandbox.admin.fault(
        "timeout_before_accept", service="gateway", match={"method": "GET", "path": "/health"}, seconds=30
    )
    began = time.monotonic()

    response = site.get("/health")

    # Not a measurement: the gateway keeps silent for twenty times as long as health may wait.
    assert time.monotonic() - began < 20
    assert response.status_code == 503
    assert components(site)["venue execution_gateway"] == "unhealthy"


def test_a_dead_ledger_is_unhealthy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "20")
    monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", "postgresql://trading:hidden@127.0.0.1:1/trading")

    response = site.get("/health")

    assert response.status_code == 503
    assert components(site)["ledger"] == "unhealthy"
    assert "hidden" not in response.text


def test_a_halted_account_is_degraded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "20")
    site.post("/accounts/sandbox/halt", {"reason": "a test"})

    assert site.get("/health").json()["status"] == "degraded"


def test_strategies_are_listed_with_their_session(site: Site) -> None:
    (found,) = site.get("/strategies").json()["strategies"]

    assert (found["strategy_id"], found["account"], found["paused"]) == ("daily_trading", "sandbox", False)
    assert found["session_opens"] < found["session_closes"]


def test_check_says_what_would_stop_the_next_run(site: Site) -> None:
    site.post("/accounts/sandbox/halt", {"reason": "a test"})

    found = site.get("/check").json()

    assert not found["ready"]
    (stop,) = [finding for finding in found["findings"] if finding["next_step"]]
    assert (stop["subject"], stop["name"]) == ("account sandbox", "state")


def test_alerts_are_listed_until_they_are_over(site: Site) -> None:
    site.break_account("the books differ")
    opened = site.get("/alerts").json()["alerts"]
    (found,) = site.get("/accounts/sandbox").json()["breaks"]
    site.post("/accounts/sandbox/resume", {"reason": "found it", "breaks": [found["id"]]})

    assert ("break", "critical", "the books differ") in {
        (alert["kind"], alert["severity"], alert["message"]) for alert in opened
    }
    assert "break" not in {alert["kind"] for alert in site.get("/alerts").json()["alerts"]}
    assert "break" in {alert["kind"] for alert in site.get("/alerts", only_open="false").json()["alerts"]}


def test_history_adds_up_what_was_held_and_traded(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())
    with site.engine.ledger() as ledger:
        assert run.plan_id is not None
        orders = ledger.orders.of_plan(run.plan_id)

    (point,) = site.get("/history").json()["points"]

    assert point["session_date"] == run.session_date.isoformat()
    assert float(point["gross"]) == pytest.approx(float(sum(order.quantity * order.price for order in orders)))
    assert float(point["net"]) == pytest.approx(float(sum(order.signed_quantity * order.price for order in orders)))
    assert float(point["turnover"]) == pytest.approx(
        float(sum(order.filled_quantity * (order.filled_avg_price or 0) for order in orders))
    )


def test_history_is_of_the_strategy_that_is_asked_for(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    assert len(site.get("/history", strategy_id="daily_trading", only_unclosed="true").json()["points"]) == 1
    assert site.get("/history", strategy_id="another").json() == {"points": []}
    assert site.get("/history", strategy="another").status_code == 422


def raised(site: Site, kind: str = "rejected", **of: Any) -> int:
    """Raise an alert and return its id."""
    with site.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm(kind, "warning", f"{kind}:of-this-test", "of this test", "read it"), **of)
        return max(alert.id for alert in ledger.alerts.open())


def test_an_alert_is_acknowledged_and_closed_by_a_person_with_a_name(site: Site) -> None:
    id = raised(site, strategy_id="daily_trading")

    acknowledged = site.post(f"/alerts/{id}/acknowledge", {"reason": "I look after it"}, "uwe").json()
    (listed,) = site.get("/alerts").json()["alerts"]
    closed = site.post(f"/alerts/{id}/close", {"reason": "the model's owner knows"}).json()

    assert (acknowledged["acknowledged_by"], acknowledged["over_at"]) == ("uwe", None)
    assert listed["acknowledged_reason"] == "I look after it"
    assert (closed["closed_by"], closed["closed_reason"]) == ("ada", "the model's owner knows")
    assert closed["over_at"] is not None
    assert site.get("/alerts").json()["alerts"] == []


def test_an_alert_is_not_closed_twice_nor_without_a_reason_nor_when_there_is_none(site: Site) -> None:
    id = raised(site)
    assert site.post(f"/alerts/{id}/close", {"reason": " "}).status_code == 422
    assert site.post(f"/alerts/{id}/close", {"reason": "over"}).status_code == 200

    assert site.post(f"/alerts/{id}/close", {"reason": "over"}).status_code == 409
    assert site.post(f"/alerts/{id}/acknowledge", {"reason": "mine"}).status_code == 409
    assert site.post(f"/alerts/{id + 99}/close", {"reason": "over"}).status_code == 404


def test_an_alert_whose_cause_the_ledger_still_has_is_acknowledged_and_not_closed(site: Site) -> None:
    site.break_account("the books differ")
    ids = {alert["kind"]: alert["id"] for alert in site.get("/alerts").json()["alerts"]}

    for kind in ("break", "account_state"):
        response = site.post(f"/alerts/{ids[kind]}/close", {"reason": "away with it"})
        assert response.status_code == 409
        assert "resuming the account" in response.json()["detail"]
        assert site.post(f"/alerts/{ids[kind]}/acknowledge", {"reason": "I see it"}).status_code == 200


def test_who_may_read_only_is_not_offered_to_act(site: Site) -> None:
    assert site.get("/alerts").json()["may_act"] is True
    assert site.get("/alerts", "vera").json()["may_act"] is False


def test_a_paused_dag_with_a_schedule_is_not_ready(site: Site, strategies: Path) -> None:
    before = strategies.read_text()
    assert site.get("/check").json()["ready"]
    strategies.write_text(before.replace("schedule: null", "schedule: session"))
    set_paused(True)
    try:
        found = site.get("/check").json()
    finally:
        set_paused(False)
        strategies.write_text(before)

    (stop,) = [finding for finding in found["findings"] if finding["next_step"]]
    assert (stop["name"], found["ready"]) == ("DAG", False)
    assert "is paused" in stop["value"]


def set_paused(paused: bool) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.execute(update(DagModel).where(DagModel.dag_id == "daily_trading").values(is_paused=paused))
