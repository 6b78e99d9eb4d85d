"""What Prometheus scrapes over HTTP: the newest run of each strategy and mode by the ADR's names, and no secret."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from include.trading.alerts.catalogue import Alarm
from include.trading.order.row import Intent
from include.trading.run.row import Run
from tests.support.engine import sandbox_strategy
from tests.support.web import Site

PATH = "/trading/metrics"
# ADR-0006, section 5; its dots are underscores here.
OF_THE_ADR = (
    "orchestration_run_duration_seconds",
    "orchestration_signals_count",
    "orchestration_orders_submitted",
    "orchestration_orders_rejected",
    "orchestration_errors_count",
)
Labels = frozenset[tuple[str, str]]


def samples(response: httpx.Response) -> dict[tuple[str, Labels], float]:
    """Return what Prometheus would store of an answer: no sample may come twice."""
    assert response.status_code == 200, response.text
    found = [sample for family in text_string_to_metric_families(response.text) for sample in family.samples]
    values = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}
    assert len(values) == len(found)
    return values


def scrape(site: Site) -> dict[tuple[str, Labels], float]:
    return samples(site.ask("GET", PATH, "vera"))


def of_run(site: Site, mode: str = "paper", strategy: str = "daily_trading") -> dict[str, float]:
    """Return the ADR's metrics of a strategy and mode, by name without the prefix; nothing for one without a run."""
    labels = frozenset({"strategy": strategy, "mode": mode}.items())
    found = scrape(site)
    return {name.removeprefix("orchestration_"): found[name, labels] for name in OF_THE_ADR if (name, labels) in found}


def orders_of(site: Site, run: Run) -> list[Intent]:
    assert run.plan_id is not None
    with site.engine.ledger() as ledger:
        return ledger.orders.of_plan(run.plan_id)


def test_a_scrape_says_by_the_adrs_names_what_the_ledger_and_the_gateway_know(site: Site) -> None:
    run, intents = site.engine.plan(site.engine.identity("one"), sandbox_strategy())
    site.sandbox.admin.settings(reject={intents[0].symbol: "not tradable"})
    with site.engine.ledger() as ledger:
        step = ledger.steps.start(run.run_id, "submit_orders", try_number=1, symbol=intents[0].symbol)
        ledger.steps.end(step, error="the gateway was down")
    # The last one's turn never comes: it is planned and not sent.
    site.engine.submit_all(intents[:-1])
    site.engine.clock_offset = timedelta(minutes=11)
    run = site.engine.track(run)

    acknowledged = [order.acknowledged_at for order in orders_of(site, run) if order.acknowledged_at is not None]
    sent = site.sandbox.admin.book()["posts_total"]
    assert sent == len(intents) - 1
    assert of_run(site) == {
        "run_duration_seconds": pytest.approx((max(acknowledged) - run.started_at).total_seconds()),
        "signals_count": len(run.symbols),
        "orders_submitted": sent,
        "orders_rejected": 1,
        "errors_count": 1,
    }


def test_a_strategy_shows_its_newest_run_and_each_mode_its_own(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    first = of_run(site)
    # Of the same session and with the same capital there is nothing to change any more.
    site.engine.run("two", sandbox_strategy())
    what_if = site.engine.run("three", sandbox_strategy(), mode="plan")
    yesterday = site.engine.run("four", sandbox_strategy(), session_date="2024-11-22")

    newest = of_run(site)
    assert (what_if.mode, yesterday.mode) == ("plan", "replay")
    assert first["orders_submitted"] == 4
    assert (newest["signals_count"], newest["orders_submitted"]) == (5, 0)
    assert (of_run(site, "plan")["signals_count"], of_run(site, "plan")["orders_submitted"]) == (5, 0)
    assert of_run(site, "replay") == {}


def test_a_run_that_is_cleared_and_done_again_is_counted_once(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())
    before = of_run(site)

    again = site.engine.run("one", sandbox_strategy())
    site.engine.track(again)

    assert again.run_id == run.run_id
    assert of_run(site) == before


def test_a_run_under_way_leaves_the_newest_closed_one_in_place(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())
    before = of_run(site)

    site.engine.plan(site.engine.identity("two"), sandbox_strategy(), capital=50000)

    assert of_run(site) == before


def test_a_run_of_more_than_a_week_ago_is_forgotten(site: Site) -> None:
    run = site.engine.run("one", sandbox_strategy())
    with site.engine.ledger() as ledger:
        ledger.connection.execute(
            "UPDATE orchestration_runs SET started_at = started_at - %(age)s WHERE run_id = %(run_id)s",
            {"age": timedelta(days=8), "run_id": run.run_id},
        )

    assert of_run(site) == {}


def test_a_break_shows_until_a_person_resumes_and_stays_counted(site: Site) -> None:
    def found() -> dict[str, float]:
        values = scrape(site)
        account = ("account", "sandbox")
        alert = frozenset({"kind": "break", "severity": "critical"}.items())
        return {
            "active": values["orchestration_account_state", frozenset({account, ("state", "active")})],
            "halted": values["orchestration_account_state", frozenset({account, ("state", "halted")})],
            "breaks": values["orchestration_breaks_open", frozenset({account})],
            "alerts open": values["orchestration_alerts_open", alert],
            "alerts raised": values["orchestration_alerts_raised_total", alert],
        }

    site.break_account("the books differ")
    broken = found()
    (one,) = site.get("/accounts/sandbox").json()["breaks"]
    site.post("/accounts/sandbox/resume", {"reason": "found it", "breaks": [one["id"]]})

    assert broken == {"active": 0, "halted": 1, "breaks": 1, "alerts open": 1, "alerts raised": 1}
    assert found() == {"active": 1, "halted": 0, "breaks": 0, "alerts open": 0, "alerts raised": 1}


def test_every_metric_has_its_type_and_a_text_and_the_answer_names_its_format(site: Site) -> None:
    site.engine.run("one", sandbox_strategy())

    response = site.ask("GET", PATH, "vera")

    # Prometheus 3 refuses an answer whose format it does not know.
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = list(text_string_to_metric_families(response.text))
    assert set(OF_THE_ADR) <= {family.name for family in families}
    assert all(family.name.startswith("orchestration_") and family.documentation for family in families)
    assert {family.name for family in families if family.type != "gauge"} == {"orchestration_alerts_raised"}


def test_a_name_of_any_characters_comes_back_as_it_is(site: Site) -> None:
    name = 'the "main" account\\of\nann {}'
    with site.engine.ledger() as ledger:
        ledger.accounts.ensure(name)

    assert scrape(site)["orchestration_breaks_open", frozenset({("account", name)})] == 0


def test_no_secret_and_no_message_of_an_error_is_in_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {name: f"planted-{name}-" + "a1B2" * 16 for name in ("signals", "gateway", "market", "alerts", "words")}
    for service, url, extra in (
        ("signals", site.sandbox.signals_url, {"contract": "v2"}),
        ("gateway", site.sandbox.gateway_url, {"contract": "v2", "account": "sandbox"}),
    ):
        variable = {"signals": "AIRFLOW_CONN_SIGNAL_SERVICE", "gateway": "AIRFLOW_CONN_EXECUTION_GATEWAY"}[service]
        connection = {"conn_type": "http", "host": url, "password": secrets[service], "extra": extra}
        monkeypatch.setenv(variable, json.dumps(connection))
    market = {"conn_type": "http", "host": site.sandbox.market_url, "login": "key", "password": secrets["market"]}
    monkeypatch.setenv("AIRFLOW_CONN_MARKET_DATA", json.dumps(market))
    alerts = {"conn_type": "apprise", "extra": {"config": {"path": f"json://user:{secrets['alerts']}@127.0.0.1:1/"}}}
    monkeypatch.setenv("AIRFLOW_CONN_TRADING_ALERTS", json.dumps(alerts))
    run = site.engine.run("one", sandbox_strategy())
    with site.engine.ledger() as ledger:
        # As a service might put it into its answer: what people read, metrics must not repeat.
        ledger.steps.end(ledger.steps.start(run.run_id, "map_orders", try_number=1), error=secrets["words"])
        ledger.runs.record_error(run.run_id, secrets["words"])
        ledger.alerts.raise_alert(
            Alarm("error", "warning", f"error:{secrets['words']}", secrets["words"], "read its log")
        )
    site.break_account(secrets["words"])

    response = site.ask("GET", PATH)

    assert samples(response)["orchestration_breaks_open", frozenset({("account", "sandbox")})] == 1
    password = urlsplit(site.engine.ledger_url).password
    assert password
    assert [secret for secret in (*secrets.values(), password) if secret in response.text] == []


def test_without_the_ledger_a_scrape_fails_and_repeats_no_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TRADING_LEDGER", "postgresql://trading:hidden@127.0.0.1:1/trading")

    response = site.ask("GET", PATH)

    assert response.status_code == 503
    assert "orchestration_" not in response.text
    assert "hidden" not in response.text


def test_nothing_is_served_by_two_routes() -> None:
    from trading_airflow.web.apps import fastapi_apps

    # The first of two would answer, and a change of the other change nothing.
    served = Counter(
        (app["url_prefix"] + route.path, method)
        for app in fastapi_apps()
        for route in app["app"].routes
        if isinstance(route, Route)
        for method in route.methods or ()
    )

    assert served[PATH, "GET"] == 1
    assert [name for name, times in served.items() if times > 1] == []


def test_who_may_read_no_strategy_may_not_scrape(site: Site) -> None:
    response = site.ask("GET", PATH, "nemo")

    assert response.status_code == 403
    assert "orchestration_" not in response.text
