"""The pages' shells: nothing that comes from outside becomes markup, and nothing is loaded from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.engine import sandbox_strategy
from tests.support.web import API, Site

STATIC = Path(__file__).parents[3] / "plugins/trading_airflow/web/static"
MARKUP = "<script>alert(1)</script>"
PAGES = (
    *(f"/trading/pages/{name}" for name in ("today", "strategy", "account", "symbol")),
    "/trading/pages/run?dag_id=daily_trading&run_id=one",
)


@pytest.mark.parametrize("path", [*PAGES, "/trading/static/run.js", f"{API}/runs", f"{API}/nothing"])
def test_every_answer_allows_nothing_from_elsewhere(site: Site, path: str) -> None:
    policy = site.ask("GET", path).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_markup_in_a_run_id_is_text(site: Site) -> None:
    response = site.ask("GET", "/trading/pages/run", params={"dag_id": MARKUP, "run_id": f'"{MARKUP}'})

    assert response.status_code == 200
    assert MARKUP not in response.text
    assert "&lt;script&gt;" in response.text


def test_markup_in_a_services_words_stays_json(site: Site) -> None:
    site.sandbox.admin.fault("broker_rejection_422", reason=MARKUP, times=1)
    run = site.engine.run("one", sandbox_strategy())

    response = site.get(f"/runs/{run.run_id}")

    assert MARKUP in response.json()["run"]["error_message"] or any(
        MARKUP in (order["message"] or "") for order in response.json()["orders"]
    )
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_for_a_login(site: Site, path: str) -> None:
    response = site.ask("GET", path, None)

    assert response.status_code == 401
    assert "Log in to Airflow" in response.text


def test_a_run_of_another_dag_is_told_apart(site: Site) -> None:
    other = site.ask("GET", "/trading/pages/run", params={"dag_id": "somebody_elses", "run_id": "one"})
    ours = site.ask("GET", "/trading/pages/run", params={"dag_id": "daily_trading", "run_id": "one"})

    assert 'data-ours="no"' in other.text
    assert 'data-ours="yes"' in ours.text


@pytest.mark.parametrize("path", PAGES)
def test_what_a_page_refers_to_is_there(site: Site, path: str) -> None:
    page = site.ask("GET", path).text

    for address in re.findall(r'(?:href|src)="([^"]+)"', page):
        assert site.ask("GET", address).status_code == 200, address


def test_no_script_of_ours_writes_markup() -> None:
    for script in STATIC.glob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", script.read_text()), (
            script
        )


def test_the_plugin_offers_the_page_and_the_tab(site: Site) -> None:
    plugins = site.ask("GET", "/api/v2/plugins").json()["plugins"]

    (ours,) = [plugin for plugin in plugins if plugin["name"] == "trading"]
    assert {(view["destination"], view["url_route"]) for view in ours["external_views"]} == {
        ("nav", "trading"),
        ("dag_run", "trading_run"),
    }
    assert {app["url_prefix"] for app in ours["fastapi_apps"]} == {API, "/trading"}
