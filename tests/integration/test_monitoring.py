"""The real metrics of a real ledger, the rules by promtool, and every query of the dashboard by a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from include.execution.results.look import close_account
from include.monitoring.metrics import CONTENT_TYPE, render_metrics
from include.sandbox.runner import start_sandbox
from include.trading.alerts.catalogue import CATALOGUE
from include.trading.calendar.sessions import trading_calendar
from tests.support.engine import Engine, sandbox_strategy

MONITORING = Path(__file__).parents[2] / "include" / "monitoring"
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
START_SECONDS = 60


def tool(name: str) -> str:
    """Return where a program of Debian's package `prometheus` is; where CI runs it must be there."""
    found = shutil.which(name)
    if found is None and "CI" not in os.environ:
        pytest.skip(f"{name} is not installed: apt-get install prometheus")
    assert found is not None, f"CI needs {name}: apt-get install prometheus"
    return found


@pytest.fixture
def metrics(ledger_url: str) -> str:
    """What is measured after a run with a rejected order, an error of a task, and an alert."""
    with start_sandbox(fill_after=0) as sandbox:
        engine = Engine(ledger_url, sandbox.signals_url, sandbox.gateway_url, sandbox.market_url)
        run, intents = engine.plan(engine.identity("one"), sandbox_strategy())
        sandbox.admin.settings(reject={intents[0].symbol: "not tradable"})
        engine.submit_all(intents)
        with engine.ledger() as ledger:
            failed = ledger.steps.start(run.run_id, "submit_orders", try_number=1, symbol="AAPL")
            ledger.steps.end(failed, error="the gateway was down")
            ledger.steps.start(run.run_id, "track_fills", try_number=1)  # killed
            ledger.steps.end(ledger.steps.start(run.run_id, "track_fills", try_number=2))
            ledger.steps.beat("watchdog")
        engine.track(run)
        now = datetime.now(UTC)
        offset = trading_calendar("XNYS", today=now.date()).current(now).close + timedelta(minutes=20) - now
        sandbox.admin.settings(clock_offset_seconds=offset.total_seconds())
        later = replace(engine, clock_offset=offset)
        with later.ledger() as ledger:
            close_account(ledger, later.assembly(), "sandbox", [sandbox_strategy()], actor="test")
            amounts = dict.fromkeys(("equity_before", "equity", "cash", "result", "others", "flows", "unexplained"), 0)
            ledger.results.store_account_day(
                {"account": "sandbox", "session_date": now.date(), "activity_id": 0, "prices": {}, **amounts}
            )
        with engine.ledger() as ledger:
            return render_metrics(ledger).decode()


def test_the_metrics_have_the_adrs_names_and_say_what_the_ledger_says(metrics: str) -> None:
    def value(name: str) -> float:
        (found,) = re.findall(rf'^orchestration_{name}{{mode="paper",strategy="daily_trading"}} (.*)$', metrics, re.M)
        return float(found)

    assert value("run_duration_seconds") > 0
    assert value("signals_count") == 5
    assert value("orders_submitted") == 4
    assert value("orders_rejected") == 1
    assert value("errors_count") == 2
    assert 'orchestration_orders{mode="paper",state="filled",strategy="daily_trading"} 3.0' in metrics
    assert 'orchestration_alerts_open{kind="rejected",severity="warning"} 1.0' in metrics
    assert 'orchestration_orders_unknown{account="sandbox"} 0.0' in metrics
    assert "orchestration_watchdog_age_seconds " in metrics


def test_an_empty_ledger_can_be_measured(ledger_url: str) -> None:
    engine = Engine(ledger_url, "", "", "")
    with engine.ledger() as ledger:
        assert "orchestration_run_status" in render_metrics(ledger).decode()


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "prometheus-rules.yml"), ("test", "rules", "prometheus-rules.test.yml")]
)
def test_promtool_accepts_the_rules_and_their_tests(arguments: tuple[str, ...]) -> None:
    done = subprocess.run([tool("promtool"), *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_kind_of_alert_that_lasts_has_a_rule_of_a_severity_that_it_may_have() -> None:
    severities = {cause.kind: set[str]() for cause in CATALOGUE if "info" not in cause.severities}
    for cause in CATALOGUE:
        if cause.kind in severities:
            severities[cause.kind] |= {*cause.severities}
    # The two that are Prometheus' own: who would store the one is what is silent, and the other is a metric's age.
    severities |= {"watchdog_silent": {"critical"}, "old_signals": {"warning"}}
    rules = (MONITORING / "prometheus-rules.yml").read_text()
    found = re.findall(r"labels: \{severity: (\w+), kind: (\w+)}", rules)

    assert {kind for _, kind in found} == severities.keys()
    assert [(kind, severity) for severity, kind in found if severity not in severities[kind]] == []


def test_every_metric_of_the_rules_exists(metrics: str) -> None:
    wanted = set(re.findall(r"expr:.*", (MONITORING / "prometheus-rules.yml").read_text()))
    names = {name for line in wanted for name in re.findall(r"orchestration_\w+", line)}
    served = set(re.findall(r"^# TYPE (\w+)", metrics, re.M))

    assert names <= served


@contextmanager
def prometheus(text: str, folder: Path) -> Iterator[str]:
    """Run a Prometheus that has scraped `text` once; yields its URL."""

    class Metrics(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [
            {"job_name": "trading", "static_configs": [{"targets": [f"127.0.0.1:{server.server_port}"]}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(settings))
    arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([tool("prometheus"), *arguments], cwd=folder, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        server.shutdown()
        thread.join()
        server.server_close()


def query(url: str, expression: str) -> list[Any]:
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expression}).raise_for_status().json()
    found: list[Any] = answer["data"]["result"]
    return found


def wait_until_scraped(url: str) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while True:
        try:
            if query(url, 'up{job="trading"} == 1'):
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < give_up_at, f"Prometheus scraped nothing within {START_SECONDS} s"
        time.sleep(0.2)


def test_every_query_of_the_dashboard_finds_something(metrics: str, tmp_path: Path) -> None:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    with prometheus(metrics, tmp_path) as url:
        wait_until_scraped(url)

        assert [expression for expression in queries if not query(url, expression)] == []
