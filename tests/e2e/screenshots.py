"""Take the README's pictures: a real Airflow, the demo's past sessions against the sandbox, and a real Chromium.

make screenshots writes docs/images/*.png; numbers differ from day to day, the pages do not.
"""

from __future__ import annotations

import sys
from typing import Literal
from urllib.parse import quote

from playwright.sync_api import Browser, Page, sync_playwright

from include.launcher.paths import ROOT
from include.launcher.seed import SESSIONS, seed
from tests.e2e.live import PATIENCE_SECONDS, Live, LiveRun, live_airflow
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.engine import sandbox_strategy

IMAGES = ROOT / "docs" / "images"
DAG = "daily_trading"
STRATEGY = sandbox_strategy(title="Sandbox demonstration", capital=100000, max_position_size=30000)
STRATEGIES = f"strategies:\n  - {STRATEGY.model_dump_json(exclude_defaults=True)}\n"
Scheme = Literal["light", "dark"]
SIZE = {"width": 1400, "height": 900}


def main() -> int:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with live_airflow(STRATEGIES) as live, sync_playwright() as playwright:
        seed(live.stack.env, STRATEGY, live.sandbox, SESSIONS)
        run = live.trigger(DAG)
        live.wait(run)
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        for picture, (path, ready, scheme) in pages().items():
            page = opened(browser, live, "/plugin/trading" if path == "today" else f"/trading/pages/{path}", scheme)
            place = page.frame_locator("iframe") if path == "today" else page
            for part in ready:
                place.locator(part).first.wait_for()
            page.screenshot(path=IMAGES / f"{picture}.png", full_page=path != "today")
            page.context.close()
        tab(browser, live, run)
        form(browser, live)
        browser.close()
    return 0


def opened(browser: Browser, live: Live, path: str, scheme: Scheme = "light") -> Page:
    base = str(live.http.base_url)
    context = browser.new_context(base_url=base, viewport=SIZE, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    token = live.http.headers["Authorization"].removeprefix("Bearer ")
    context.add_cookies([{"name": "_token", "value": token, "url": base}])
    page = context.new_page()
    page.goto(path)
    return page


def pages() -> dict[str, tuple[str, tuple[str, ...], Scheme]]:
    """Return each picture's page, what is there when the page is whole, and whether it is light or dark."""
    today = ("#check .badge", "#needs .badge", "#results canvas", "#positions tbody tr", "#runs tbody tr")
    return {
        "today-light": ("today", today, "light"),
        "today-dark": ("today", today, "dark"),
        "strategy": (f"strategy?strategy={DAG}", ("#content canvas", "#content table"), "light"),
        "account": ("account?account=sandbox", ("#verdict", "#content table"), "light"),
        "symbol": ("symbol?symbol=AAPL", ("#content canvas", "#content table"), "light"),
    }


def tab(browser: Browser, live: Live, run: LiveRun) -> None:
    page = opened(browser, live, f"/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}/plugin/trading_run")
    frame = page.frame_locator("iframe")
    frame.locator("#funnel").wait_for()
    page.screenshot(path=IMAGES / "run-tab.png")
    page.goto(f"/trading/pages/run?dag_id={run.dag_id}&run_id={quote(run.run_id, safe='')}")
    page.locator("tr:has(.badge.filled) .toggle").first.click()
    page.locator(".timeline").wait_for()
    page.screenshot(path=IMAGES / "order-timeline.png", full_page=True)
    page.goto(f"/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}/tasks/submit_orders/mapped")
    page.get_by_text("→").first.wait_for()
    page.screenshot(path=IMAGES / "mapped-orders.png")


def form(browser: Browser, live: Live) -> None:
    page = opened(browser, live, f"/dags/{DAG}")
    page.get_by_role("button", name="Trigger").first.click()
    page.locator("[name=element_capital]").wait_for()
    page.screenshot(path=IMAGES / "trigger-form.png")


if __name__ == "__main__":
    sys.exit(main())
