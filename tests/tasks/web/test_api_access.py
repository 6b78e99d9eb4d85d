"""Who may do what through the API: Airflow's own logins and permissions on the strategy's DAG decide."""

from __future__ import annotations

import pytest

from include.trading.alerts.catalogue import Alarm
from tests.support.engine import sandbox_strategy
from tests.support.web import API, Site

READS = ("/runs", "/strategies", "/accounts", "/accounts/sandbox", "/alerts", "/history", "/check", "/health")
ACTS = {
    "/run": {},
    "/accounts/sandbox/halt": {"reason": "a test"},
    "/accounts/sandbox/resume": {"reason": "a test"},
    "/accounts/sandbox/settle": {"reason": "a test", "outcome": "not_sent", "client_order_ids": ["p1"]},
    "/accounts/sandbox/adopt": {"reason": "a test", "symbol": "KO"},
    "/accounts/sandbox/correct": {"reason": "a test", "strategy_id": "s", "symbol": "KO", "quantity": "0"},
    "/alerts/1/acknowledge": {"reason": "a test"},
    "/alerts/1/close": {"reason": "a test"},
}


@pytest.mark.parametrize("path", READS)
def test_nobody_reads_without_a_login(site: Site, path: str) -> None:
    response = site.get(path, None)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ACTS)
def test_nobody_acts_without_a_login(site: Site, path: str) -> None:
    assert site.post(path, ACTS[path], None).status_code == 401


def test_a_token_that_is_none_is_refused(site: Site) -> None:
    response = site.ask("GET", f"{API}/runs", None, headers={"Authorization": "Bearer nonsense"})

    assert response.status_code == 403


@pytest.mark.parametrize("path", READS)
def test_who_may_read_no_strategy_reads_nothing(site: Site, path: str) -> None:
    assert site.get(path, "nemo").status_code == 403


@pytest.mark.parametrize("path", ACTS)
def test_who_may_only_read_may_not_act(site: Site, path: str) -> None:
    with site.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm("error", "warning", "error:x", "of a test", "read its log"))
    response = site.post(path, ACTS[path], "vera")

    assert response.status_code == 403
    assert site.get("/accounts").json()["accounts"][0]["state"] == "new"


def test_who_may_trigger_may_halt(site: Site) -> None:
    assert site.post("/accounts/sandbox/halt", {"reason": "wrong prices"}, "uwe").status_code == 200


def test_the_cookie_of_a_session_is_a_login(site: Site) -> None:
    from tests.support.web import token

    response = site.ask("GET", f"{API}/runs", None, headers={"Cookie": f"_token={token('vera')}"})

    assert response.status_code == 200


def test_a_run_of_a_dag_one_may_not_read_does_not_exist(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())

    assert site.get(f"/runs/{run.run_id}", "vera").status_code == 200
    assert site.get(f"/runs/{run.run_id}", "nemo").status_code == 403


@pytest.mark.parametrize("path", [f"{API}/health", "/trading/health", "/health"])
def test_health_is_open_where_the_setting_says_so(site: Site, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    # A busy machine may be slower than the three seconds of production.
    monkeypatch.setenv("TRADING_WEB_HEALTH_SECONDS", "20")
    closed = site.ask("GET", path, None)
    monkeypatch.setenv("TRADING_WEB_OPEN", "health")
    site.break_account("the books differ")

    response = site.ask("GET", path, None)

    assert (closed.status_code, response.status_code) == (401, 200)
    found = response.json()
    assert found["status"] == "degraded"
    assert found["accounts"] == []
    assert {component["detail"] for component in found["components"]} == {None}


def test_metrics_need_a_login_unless_the_setting_opens_them(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = site.ask("GET", "/trading/metrics", None)
    monkeypatch.setenv("TRADING_WEB_OPEN", "metrics")
    opened = site.ask("GET", "/trading/metrics", None)

    assert (closed.status_code, opened.status_code) == (401, 200)
    assert "orchestration" in opened.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("TRADING_WEB_OPEN", "everything"), ("TRADING_WEB_ROOT_HEALTH", "1"), ("TRADING_WEB_HEALTH_SECONDS", "soon")],
)
def test_a_setting_that_does_not_fit_is_named(name: str, value: str) -> None:
    from include.trading.errors import InvalidData
    from trading_airflow.web.settings import WebSettings

    with pytest.raises(InvalidData, match=name):
        WebSettings({name: value})
