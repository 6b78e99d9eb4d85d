"""The pages in a real Chromium against a real Airflow: what a person on duty clicks, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect, sync_playwright

from include.execution.steps.open_run import RunIdentity
from include.ledger.ledger import Ledger, open_ledger
from include.trading.alerts.catalogue import Alarm
from include.trading.order.row import Intent
from tests.e2e.live import PATIENCE_SECONDS, Live, LiveRun, symbols_of, until
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.engine import Engine, sandbox_strategy

STRATEGY = "browser"
DAG = f"daily_trading__{STRATEGY}"
PLAN_DAG = "daily_trading__plan_only"
PATIENCE = PATIENCE_SECONDS * 1000
MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>no margin</b>"
CROWD = 500


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser, live: Live) -> Iterator[BrowserContext]:
    """A new browser without a login; what a page writes to its console as an error fails the test."""
    opened = browser.new_context(base_url=str(live.http.base_url), viewport={"width": 1400, "height": 1000})
    opened.set_default_timeout(PATIENCE)
    opened.set_default_navigation_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, live: Live) -> Page:
    """A page of the admin, logged in through the form."""
    opened = context.new_page()
    opened.goto("/")
    opened.fill("input[name=username]", "admin")
    opened.fill("input[name=password]", live.stack.admin_password)
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url(lambda url: "/auth/login" not in url)
    return opened


def tab(page: Page, run: LiveRun) -> FrameLocator:
    """Open the run's page in Airflow and its tab by clicking on it."""
    page.goto(f"/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}")
    # By its address: until the tabs are there, the links of that name are the menu's and, with it inside, the DAG's.
    page.locator("a[href$='/plugin/trading_run']").click()
    return page.frame_locator("iframe")


@pytest.fixture(scope="module")
def finished(shared_airflow: Live) -> LiveRun:
    """A run that traded and is over. Its capital is no other test's, so that there is something to change."""
    run = shared_airflow.trigger(DAG, {"capital": 8000})
    assert shared_airflow.wait(run) == "success"
    return run


def errors_of(page: Page) -> list[str]:
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def open_form(page: Page, dag_id: str) -> Locator:
    """Open the form that triggers the DAG."""
    page.goto(f"/dags/{dag_id}")
    page.get_by_role("button", name="Trigger").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Run Parameters")).to_be_visible()
    return dialog


def newest_run(live: Live) -> LiveRun | None:
    found = live.call("GET", f"/api/v2/dags/{DAG}/dagRuns?order_by=-run_after&limit=1")["dag_runs"]
    return LiveRun(DAG, found[0]["dag_run_id"]) if found else None


def test_a_person_triggers_a_run_with_the_form_and_follows_one_order(page: Page, live: Live) -> None:
    live.stack.api.unpause(DAG)
    dialog = open_form(page, DAG)
    dialog.locator("[name=element_capital]").fill("5000")
    before = newest_run(live)
    dialog.get_by_role("button", name="Trigger").last.click()

    run = until(lambda: (found := newest_run(live)) != before and found, "the run that the form triggered")
    assert live.wait(run) == "success"
    found = tab(page, run)
    expect(found.locator("h1 .badge")).to_have_text("completed")
    expect(found.locator("#funnel strong")).to_have_text(["3", "3", "3", "3", "3"])
    symbol = symbols_of(STRATEGY)[0]
    found.get_by_role("button", name=f"Open the story of {symbol}").press("Enter")
    timeline = found.locator(".timeline li")
    expect(timeline.first).to_contain_text("planned")
    expect(timeline.last).to_contain_text("filled")
    written = live.ledger_run(run)
    assert written is not None
    assert written.capital == 5000


def test_nonsense_in_the_form_is_refused(page: Page, live: Live) -> None:
    live.stack.api.unpause(DAG)
    posts = live.sandbox.book()["posts_total"]
    dialog = open_form(page, DAG)
    capital = dialog.locator("[name=element_capital]")
    capital.fill("999999999")
    capital.press("Tab")
    # The form knows the strategy's own capital.
    expect(capital).to_have_value("100000")
    # A Sunday is no session: the form cannot know, the run's first task does.
    dialog.get_by_role("button", name="Another session").click()
    dialog.locator("[name=element_session_date]").fill("2026-01-04")
    before = newest_run(live)
    dialog.get_by_role("button", name="Trigger").last.click()

    run = until(lambda: (found := newest_run(live)) != before and found, "the run that the form triggered")
    assert live.wait(run) == "failed"
    expect(tab(page, run).locator("#refusal")).to_contain_text("Sunday 2026-01-04")
    assert live.sandbox.book()["posts_total"] == posts


def test_the_table_is_sorted_and_filtered_with_the_keyboard(page: Page, finished: LiveRun) -> None:
    found = tab(page, finished)
    symbols = found.locator("tbody th[scope=row]")
    expect(symbols).to_have_count(3)

    head = found.get_by_role("button", name="Symbol")
    head.focus()
    head.press("Enter")
    expect(symbols).to_have_text(sorted(symbols_of(STRATEGY)))
    head.press("Enter")
    expect(symbols).to_have_text(sorted(symbols_of(STRATEGY), reverse=True))
    found.get_by_role("searchbox").fill(symbols_of(STRATEGY)[1].lower())

    expect(symbols).to_have_text([symbols_of(STRATEGY)[1]])


def test_an_account_is_halted_and_resumed_from_the_page(page: Page, live: Live, finished: LiveRun) -> None:
    errors = errors_of(page)
    page.goto("/plugin/trading")
    frame = page.frame_locator("iframe")
    card = frame.locator("[data-account=sandbox]")

    card.get_by_label("Reason to halt").fill("the browser test")
    card.get_by_role("button", name="Halt").click()
    expect(card.locator("h3 .badge")).to_have_text("halted")
    # What was found before the act is not shown beside what is after it.
    expect(frame.locator("#blockers")).to_contain_text("account sandbox, state: halted")
    assert live.account().state == "halted"
    assert live.account().state_reason == "the browser test"

    card.get_by_label("Reason to resume").fill("it is over")
    card.get_by_role("button", name="Resume").click()
    expect(card.locator("h3 .badge")).to_have_text("active")
    assert live.account().state == "active"
    expect(frame.locator("#check")).to_contain_text("Checked")
    expect(frame.locator("#check")).not_to_contain_text("halted")
    assert errors == []


def test_an_alert_is_acknowledged_and_closed_from_the_page(page: Page, live: Live, finished: LiveRun) -> None:
    with open_ledger(live.stack.ledger_url) as ledger:
        ledger.alerts.raise_alert(Alarm("rejected", "warning", "rejected:page", "of the browser test", "read it"))
    page.goto("/plugin/trading")
    item = page.frame_locator("iframe").locator("#alerts li", has_text="of the browser test")

    item.get_by_text("Acknowledge or close").click()
    item.get_by_role("textbox").fill("I look after it")
    item.get_by_role("button", name="Acknowledge").click()
    expect(item).to_contain_text("Acknowledged by")

    item.get_by_role("textbox").fill("it is over")
    item.get_by_role("button", name="Close").click()
    expect(item).to_have_count(0)


def test_the_overview_shows_sessions_runs_and_plots(page: Page, live: Live, finished: LiveRun) -> None:
    errors = errors_of(page)
    page.goto("/")
    page.get_by_role("link", name="Trading", exact=True).click()
    frame = page.frame_locator("iframe")

    expect(frame.locator("#strategies tbody tr").first).to_be_visible()
    expect(frame.locator("#runs tbody tr").first).to_contain_text("completed")
    expect(frame.locator("#history canvas").first).to_be_visible()
    expect(frame.locator("#check .badge")).to_be_visible()
    frame.locator("#runs tbody a").first.click()
    expect(frame.locator("#funnel")).to_be_visible()
    assert errors == []


def test_a_backfill_started_in_the_ui_trades_nothing(page: Page, live: Live) -> None:
    posts = live.sandbox.book()["posts_total"]
    live.stack.api.unpause(PLAN_DAG)
    day = datetime.now(UTC).date() - timedelta(days=14)
    dialog = open_form(page, PLAN_DAG)
    dialog.get_by_text("Backfill", exact=True).click()
    pick(page, dialog, day)
    pick(page, dialog, day + timedelta(days=6))
    dialog.get_by_role("button", name="Run Backfill").click()

    runs = until(lambda: _backfilled(live), "the runs of the backfill")
    for run in runs:
        assert live.wait(run) == "success"
    found = tab(page, runs[0])
    expect(found.locator("h1 .badge")).to_have_text("completed")
    expect(found.locator(".summary")).to_contain_text("REPLAY")
    assert live.sandbox.book()["posts_total"] == posts


def test_clearing_one_mapped_task_in_the_ui_sends_nothing_twice(page: Page, live: Live, finished: LiveRun) -> None:
    run = finished
    before = live.posts(run)
    page.goto(f"/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}/tasks/submit_orders/mapped/0")
    page.get_by_role("button", name="to clear").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Confirm").click()

    until(lambda: live.task(run, "submit_orders", 0)["try_number"] == 2, "the second try")
    assert live.wait(run) == "success"
    assert live.posts(run) == before


def test_a_run_of_another_dag_says_so(page: Page, live: Live) -> None:
    run = live.trigger("trading_watchdog")
    live.wait(run)

    expect(tab(page, run).locator("#nothing")).to_contain_text("not a trading run")


def test_five_hundred_orders_with_markup_in_their_words_stay_usable_and_text(page: Page, live: Live) -> None:
    run = _crowd(live)
    errors = errors_of(page)
    began = time.monotonic()
    page.goto(f"/trading/pages/run?{_query(run)}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(CROWD)
    print(f"\nthe tab with {CROWD} orders was there after {time.monotonic() - began:.1f} s")

    began = time.monotonic()
    page.get_by_role("searchbox").fill("gen777")
    expect(rows).to_have_count(1)
    print(f"its filter answered after {time.monotonic() - began:.1f} s")
    page.get_by_role("button", name="Open the story of GEN777").click()
    expect(page.locator(".timeline")).to_be_visible()

    expect(rows.first).to_contain_text(MARKUP)
    assert page.locator("main img").count() == 0
    assert page.title() == "Trading run"
    assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_light_and_dark(browser: Browser, live: Live, scheme: str) -> None:
    opened = browser.new_context(base_url=str(live.http.base_url), color_scheme=scheme)  # type: ignore[arg-type]
    opened.set_default_timeout(PATIENCE)
    page = opened.new_page()
    page.goto("/trading/pages/overview")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.close()

    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 17, 17)"}[scheme]


def pick(page: Page, dialog: Locator, day: date) -> None:
    """Choose midnight of a day in the first of Airflow's date pickers that has none."""
    dialog.get_by_text("Select date and time").first.click()
    page.get_by_placeholder("YYYY/MM/DD").last.fill(f"{day:%Y/%m/%d}")
    hour = page.get_by_placeholder("HH:mm").last
    hour.fill("00:00")
    hour.press("Enter")
    expect(dialog.get_by_text(f"{day:%b %d, %Y} 00:00")).to_be_visible()
    page.keyboard.press("Escape")


def _backfilled(live: Live) -> list[LiveRun]:
    found = live.call("GET", f"/api/v2/dags/{PLAN_DAG}/dagRuns?run_type=backfill")["dag_runs"]
    return [LiveRun(PLAN_DAG, run["dag_run_id"]) for run in found]


def _query(run: LiveRun) -> str:
    return f"dag_id={quote(run.dag_id)}&run_id={quote(run.run_id, safe='')}"


def _crowd(live: Live) -> LiveRun:
    """Put a run of 500 orders into the ledger that the gateway refused one and all, in words that hold markup."""
    ports = live.stack.ports
    engine = Engine(
        live.stack.ledger_url,
        *(f"http://127.0.0.1:{port}" for port in (ports.signals, ports.gateway, ports.market)),
        timeout_seconds=30,
    )
    strategy = sandbox_strategy(
        id="crowd",
        symbols=[f"GEN{number:03}" for number in range(500, 500 + CROWD)],
        top_n=CROWD // 2,
        bottom_n=CROWD // 2,
        capital=10_000_000,
        max_position_size=20_000,
        limits={"number_of_orders": 1000, "price_distance": "off"},
        no_trade_band="0",
    )
    run = LiveRun(DAG, f"crowd_{datetime.now(UTC):%Y%m%d%H%M%S}")
    identity = RunIdentity(run.dag_id, run.run_id, "manual", None, datetime.now(UTC))
    _, intents = engine.plan(identity, strategy)
    assert len(intents) == CROWD
    with engine.ledger() as ledger:
        for intent in intents:
            _refuse(ledger, intent)
        ledger.connection.execute(
            "UPDATE orchestration_runs SET status = 'failed', completed_at = clock_timestamp() WHERE run_id = %s",
            [identity.run_id],
        )
    return run


def _refuse(ledger: Ledger, intent: Intent) -> None:
    sending = ledger.orders.save(intent, event="sending", actor="test", state="sending", attempt=1)
    ledger.orders.save(sending, event="rejected", actor="test", state="rejected", message=MARKUP)
