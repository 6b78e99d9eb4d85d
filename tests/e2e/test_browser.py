"""The pages in a real Chromium against a real Airflow: what a person on duty clicks, and what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Locator, Page, expect, sync_playwright

from include.execution.settings import Settings
from include.execution.steps.open_run import RunIdentity
from include.ledger.ledger import Ledger, open_ledger
from include.trading.account.actions import Announcement
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import OutcomeUnknown, Unavailable
from include.trading.order.row import Intent
from tests.e2e.live import EMULATOR, PATIENCE_SECONDS, Live, LiveRun, symbols_of, until
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.support.engine import FAST, Engine, sandbox_strategy

STRATEGY = "browser"
DAG = f"daily_trading__{STRATEGY}"
PLAN_DAG = "daily_trading__plan_only"
PATIENCE = PATIENCE_SECONDS * 1000
MARKUP = "<img src=x onerror=\"document.title='owned'\"><b>no margin</b>"
CROWD = 500
WIDTHS = (420, 1280, 1920)
# A lease is at least twice as long as the gateway's total time-out.
SHORT = Settings.model_validate(FAST.model_dump() | {"lease_seconds": 60})
# What a person would see as wrong of the page, in words. A plot or a table is drawn in the frames after its answer came
# or the width changed, and the page asks again meanwhile: what is looked at is one moment in which all are drawn.
LOOKS_WRONG = """async () => {
    const undrawn = () => [...document.querySelectorAll(".plot")].some((plot) => !plot.querySelector("canvas"));
    for (let frame = 0; frame < 2 || (undrawn() && frame < 300); frame++) await new Promise(requestAnimationFrame);
    const found = [];
    const seen = (node) => node.checkVisibility({visibilityProperty: true}) && node.getBoundingClientRect().width > 1;
    if (document.documentElement.scrollWidth > innerWidth) found.push(`wider than the window`);
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.textContent.trim();
        if (!text || !seen(node.parentElement)) continue;
        if (/\\b(null|undefined|NaN|Invalid Date|\\[object)\\b/.test(text)) found.push(`says ${text}`);
        if (/^[-+]?[\\d,]+\\.\\d*0{3,}$/.test(text)) found.push(`zeros at the end: ${text}`);
    }
    for (const node of document.querySelectorAll("main *")) {
        if (!seen(node) || node.closest(".uplot, .unseen")) continue;
        const style = getComputedStyle(node);
        const clips = style.overflowX !== "visible" && !node.matches("input, select, textarea, progress");
        if (clips && node.scrollWidth > node.clientWidth + 1) found.push(`cut off: ${node.outerHTML.slice(0, 120)}`);
    }
    for (const plot of document.querySelectorAll(".plot")) {
        if (!plot.querySelector("canvas")) found.push("a plot without its drawing");
        if (!plot.querySelector(".u-title")?.textContent) found.push("a plot without a title");
        const values = [...plot.querySelectorAll(".u-legend .u-value")].map((value) => value.textContent);
        if (!values.length || values.some((value) => !value || value === "--")) found.push(`a plot without values`);
    }
    return found;
}"""


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
    card = frame.locator("#accounts [data-account=sandbox]")

    card.get_by_text("Halt", exact=True).first.click()
    card.get_by_label("Reason to halt").fill("the browser test")
    card.get_by_role("button", name="Halt").click()
    expect(frame.locator("#said")).to_contain_text("Account sandbox is halted.")
    expect(card.locator("h3 .badge")).to_have_text("halted")
    # What was found before the act is not shown beside what is after it.
    expect(frame.locator("#blockers")).to_contain_text("account sandbox, state: halted")
    assert live.account().state == "halted"
    assert live.account().state_reason == "the browser test"

    need = frame.locator("[data-need=account-sandbox]")
    expect(need).to_contain_text("the browser test")
    need.get_by_label("Reason to resume").fill("it is over")
    need.get_by_role("button", name="Resume").click()
    expect(card.locator("h3 .badge")).to_have_text("active")
    expect(need).to_have_count(0)
    assert live.account().state == "active"
    expect(frame.locator("#check")).to_contain_text("Checked")
    expect(frame.locator("#check")).not_to_contain_text("halted")
    assert errors == []


def test_an_alert_is_acknowledged_and_closed_from_the_page(page: Page, live: Live, finished: LiveRun) -> None:
    with open_ledger(live.stack.ledger_url) as ledger:
        ledger.alerts.raise_alert(Alarm("rejected", "warning", "rejected:page", "of the browser test", "read it"))
    page.goto("/plugin/trading")
    item = page.frame_locator("iframe").locator("#needs li", has_text="of the browser test")

    item.get_by_text("Acknowledge or close").click()
    item.get_by_label("Reason").fill("I look after it")
    item.get_by_role("button", name="Acknowledge").click()
    expect(item).to_contain_text("Acknowledged by")

    item.get_by_label("Reason").fill("it is over")
    item.get_by_role("button", name="Close").click()
    expect(item).to_have_count(0)


def test_a_holding_is_corrected_and_the_correction_undone_from_the_account_page(
    page: Page, live: Live, finished: LiveRun
) -> None:
    errors = errors_of(page)
    symbol = symbols_of(STRATEGY)[0]
    held = _held(live, symbol)
    page.goto("/trading/pages/account?account=sandbox")
    page.get_by_text("Correct what a strategy holds").click()
    form = page.get_by_role("form", name="Correct a holding")

    form.get_by_label("Strategy").fill(STRATEGY)
    form.get_by_label("Symbol").fill(symbol)
    form.get_by_label("What to put right").select_option("quantity")
    form.get_by_label("Value").fill("0")
    form.get_by_label("Reason to correct").fill("written off by the browser test")
    form.get_by_role("button", name="Correct").click()
    # The venue still has them: refused, with the reason, and what was written stays.
    expect(form.get_by_role("status")).to_contain_text("gateway")
    expect(form.get_by_label("Value")).to_have_value("0")
    form.get_by_label("also against the venue's position").check()
    form.get_by_role("button", name="Correct").click()
    said = page.locator("#said")
    expect(said).to_contain_text(f"{STRATEGY} holds 0 {symbol}")
    assert _held(live, symbol) == 0
    expect(page.locator("tr", has_text="written off by the browser test").first).to_be_visible()

    number = (said.text_content() or "").split()[1]
    form.get_by_label("What to put right").select_option("undo")
    form.get_by_label("Value").fill(number)
    form.get_by_label("Reason to correct").fill("it was there after all")
    form.get_by_role("button", name="Correct").click()
    expect(said).to_contain_text(f"{STRATEGY} holds {held.normalize():,f} {symbol}, was 0")
    assert _held(live, symbol) == held
    # The browser's own words about the one answer that refused.
    assert errors == ["Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"]


def test_an_order_without_a_known_outcome_is_settled_from_the_account_page(
    page: Page, live: Live, finished: LiveRun
) -> None:
    errors = errors_of(page)
    lost = _lost(live)
    page.goto("/trading/pages/account?account=sandbox")
    unknown = page.locator("dt", has_text="Without a known outcome").locator("xpath=..").locator("dd")
    expect(unknown).to_have_text("1")
    form = page.get_by_role("form", name="Settle an order")

    form.get_by_label("Order").select_option(lost.client_order_id)
    form.get_by_label("What became of it").select_option("filled")
    form.get_by_label("Shares filled in all").fill(str(lost.quantity.normalize()))
    form.get_by_label("Average price, USD").fill(str(lost.price.normalize()))
    form.get_by_label("Reason to settle").fill("the broker's page shows it filled")
    form.get_by_role("button", name="Settle").click()
    # The gateway may still say what became of it: only a person knows that it never will.
    expect(form.get_by_role("status")).to_contain_text("not settled")
    expect(form.get_by_label("Shares filled in all")).to_have_value(str(lost.quantity.normalize()))
    form.get_by_label("also when the gateway gives no answer").check()
    form.get_by_role("button", name="Settle").click()

    expect(page.locator("#said")).to_contain_text(f"{lost.symbol}: settled, the broker's page shows it filled")
    expect(form).to_have_count(0)
    expect(unknown).to_have_text("0")
    with open_ledger(live.stack.ledger_url) as ledger:
        settled = ledger.orders.get(lost.client_order_id)
        held = ledger.movements.held("sandbox", strategy_id="lost", mode="paper")
    assert settled is not None
    assert (settled.state, settled.filled_avg_price) == ("filled", lost.price)
    assert held == {lost.symbol: lost.quantity if lost.side == "buy" else -lost.quantity}
    # Each page that counts such orders says the same, and the order's own page who settled it.
    page.goto("/trading/pages/today")
    page.locator("#accounts [data-account=sandbox]").wait_for()
    expect(page.locator("#needs")).not_to_contain_text("no known outcome")
    page.goto(f"/trading/pages/symbol?symbol={lost.symbol}")
    expect(page.locator("#content")).to_contain_text("the broker's page shows it filled")
    assert errors == []


def test_a_position_is_adopted_and_the_account_rebound_from_the_account_page(
    page: Page, live: Live, finished: LiveRun
) -> None:
    page.goto("/trading/pages/account?account=sandbox")
    said = page.locator("#said")
    page.get_by_text("Rebind the account to").click()
    rebinding = page.get_by_role("form", name="Rebind the account")
    rebinding.get_by_label("Reason to rebind").fill("the browser test")
    rebinding.get_by_role("button", name="Rebind").click()
    expect(said).to_contain_text("Account sandbox")
    expect(said).to_contain_text("http://127.0.0.1")

    page.get_by_text("Adopt a position that is not ours").click()
    adopting = page.get_by_role("form", name="Adopt a position")
    for shares, reason in (("5", "held before us, says the browser test"), ("0", "and given away since")):
        adopting.get_by_label("Symbol", exact=True).fill("KO")
        adopting.get_by_label("Signed shares").fill(shares)
        adopting.get_by_label("Reason to adopt").fill(reason)
        adopting.get_by_role("button", name="Adopt").click()
        expect(said).to_contain_text(f"{shares} KO of account sandbox are not ours")
        expect(page.locator("tr", has_text=reason).first).to_be_visible()


def test_an_announced_split_that_the_venue_shows_too_is_booked_with_one_click(
    page: Page, live: Live, finished: LiveRun
) -> None:
    symbol = symbols_of(STRATEGY)[0]
    held = _held(live, symbol)
    day = datetime.now(UTC).date()
    split = Announcement(vendor_id="split", kind="forward_split", symbol=symbol, ratio=Decimal(2), ex_date=day)
    with open_ledger(live.stack.ledger_url) as ledger:
        ledger.actions.store_answer([split], [symbol], day, day)
        ((id, _),) = ledger.actions.effective([symbol], day, day)
        words = "announced, and the venue shows it"
        ledger.actions.record(id, "sandbox", STRATEGY, "proposed", words, actor="test")
    # As the broker's books do: twice the shares, without a fill.
    live.sandbox.convert(symbol, shares=2)
    page.goto("/plugin/trading")
    frame = page.frame_locator("iframe")
    proposed = frame.locator(f"[data-need^=action-sandbox-{STRATEGY}]")
    expect(proposed).to_contain_text(words)

    proposed.get_by_role("button", name="Book it").click()

    expect(frame.locator("#said")).to_contain_text("booked")
    expect(proposed).to_have_count(0)
    assert _held(live, symbol) == 2 * held


def test_a_split_a_new_symbol_and_a_dividend_at_alpaca_are_one_click_each_and_trade_nothing(
    page: Page, live: Live
) -> None:
    dag, emulator = "daily_trading__corporate", live.emulator
    assert live.wait(live.trigger(dag)) == "success"
    bought = emulator.book()
    split, renamed, paid = sorted(bought["positions"])
    assert bought["posts_total"] == 3
    emulator.corporate_action("forward_split", split, new_rate=10)
    emulator.corporate_action("name_change", renamed, new_symbol="NEWCO")
    emulator.corporate_action("cash_dividend", paid, rate="0.25")

    asked = live.trigger(dag)

    # Of its three symbols two wait for a person, and the third is where it should be.
    assert live.wait(asked) == "failed"
    with live.ledger() as ledger:
        found = ledger.runs.newest(dag, asked.run_id)
        assert found is not None
        reasons = {row["symbol"]: row["skip_reason"] for row in ledger.runs.mappings(found.run_id)}
    assert reasons == {split: "corporate_action", renamed: "corporate_action", paid: None}
    page.goto("/plugin/trading")
    frame = page.frame_locator("iframe")
    for symbol in (split, renamed):
        proposed = frame.locator(f"[data-need^=action-{EMULATOR[1]}-corporate]", has_text=f"of {symbol}")
        proposed.get_by_role("button", name="Book it").click()
        expect(frame.locator("#said")).to_contain_text("booked")
        expect(proposed).to_have_count(0)

    booked = live.trigger(dag)

    # The new name waits for the strategies file, and nothing else is to be traded.
    assert live.wait(booked) == "failed"
    after = emulator.book()
    assert after["posts_total"] == 3
    with live.ledger() as ledger:
        held = ledger.movements.held(EMULATOR[1], strategy_id="corporate", mode="paper")
        account = ledger.accounts.get(EMULATOR[1])
        found = ledger.runs.newest(dag, booked.run_id)
        assert found is not None
        rows = {row["symbol"]: row for row in ledger.runs.mappings(found.run_id)}
    assert held == {symbol: Decimal(quantity) for symbol, quantity in after["positions"].items()}
    assert held[split] == 10 * Decimal(bought["positions"][split])
    assert held["NEWCO"] == Decimal(bought["positions"][renamed])
    assert "order" not in {row["outcome"] for row in rows.values()}
    assert {symbol for symbol, row in rows.items() if row["skip_reason"] == "renamed"} == {renamed, "NEWCO"}
    assert account is not None
    assert account.state == "active"


def test_the_pages_lead_from_today_to_a_run_a_symbol_and_back(page: Page, live: Live, finished: LiveRun) -> None:
    errors = errors_of(page)
    page.goto("/")
    page.get_by_role("link", name="Trading", exact=True).click()
    frame = page.frame_locator("iframe")

    expect(frame.locator("#strategies article").first).to_be_visible()
    expect(frame.locator("#results canvas").first).to_be_visible()
    expect(frame.locator("#check .badge").first).to_be_visible()
    row = frame.locator("#runs tbody tr", has_text=STRATEGY).first
    expect(row).to_contain_text("completed")
    row.locator("a").first.click()
    expect(frame.locator("#funnel")).to_be_visible()
    symbol = symbols_of(STRATEGY)[0]
    frame.get_by_role("link", name=symbol).first.click()
    expect(frame.locator("h1")).to_have_text(symbol)
    expect(frame.locator(".badge.fill").first).to_be_visible()
    frame.get_by_role("link", name="Today").click()
    expect(frame.locator("h1")).to_have_text("Today")
    assert errors == []


def test_times_are_shown_in_the_exchanges_zone_or_the_viewers_by_a_switch(
    browser: Browser, live: Live, finished: LiveRun
) -> None:
    with _visitor(browser, live, timezone_id="Asia/Tokyo") as visitor:
        visitor.goto(f"/trading/pages/run?{_query(finished)}")
        started = visitor.locator("dt", has_text="Started").locator("xpath=..").locator("time")
        moment = datetime.fromisoformat(started.get_attribute("datetime") or "")
        shown = {}
        for zone in ("exchange", "mine"):
            visitor.get_by_label("Times in").select_option(zone)
            shown[zone] = started.text_content()

        visitor.reload()
        expect(started).to_have_text(shown["mine"] or "")

    zones = {"exchange": "America/New_York", "mine": "Asia/Tokyo"}
    assert shown == {name: f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for name, zone in zones.items()}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_whole_at_three_widths_and_accessible(
    browser: Browser, live: Live, finished: LiveRun, scheme: str
) -> None:
    faults = []
    with _visitor(browser, live, color_scheme=scheme) as visitor:
        errors = errors_of(visitor)
        for path, ready in _pages(finished).items():
            visitor.set_viewport_size({"width": WIDTHS[0], "height": 1000})
            visitor.goto(f"/trading/pages/{path}")
            visitor.locator(ready).first.wait_for()
            for width in WIDTHS:
                visitor.set_viewport_size({"width": width, "height": 1000})
                faults += [f"{path} at {width}: {fault}" for fault in visitor.evaluate(LOOKS_WRONG)]
            found = Axe().run(visitor, options={"resultTypes": ["violations"]}).response["violations"]
            faults += [
                f"{path}: {fault['id']}: {fault['nodes'][0]['html'][:200]}"
                for fault in found
                if fault["impact"] in ("serious", "critical")
            ]

    assert faults == []
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
    page.goto("/trading/pages/today")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.close()

    # Airflow's own.
    assert background == {"light": "rgb(255, 255, 255)", "dark": "oklch(0.23185 0.0323 266.44)"}[scheme]


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


def _held(live: Live, symbol: str) -> Decimal:
    with open_ledger(live.stack.ledger_url) as ledger:
        return ledger.movements.held("sandbox", strategy_id=STRATEGY, mode="paper").get(symbol, Decimal(0))


@contextmanager
def _visitor(browser: Browser, live: Live, **settings: Any) -> Iterator[Page]:
    """Open a browser of its own, logged in by the session's cookie."""
    base = str(live.http.base_url)
    context = browser.new_context(base_url=base, **settings)
    context.set_default_timeout(PATIENCE)
    token = live.http.headers["Authorization"].removeprefix("Bearer ")
    context.add_cookies([{"name": "_token", "value": token, "url": base}])
    yield context.new_page()
    context.close()


def _pages(run: LiveRun) -> dict[str, str]:
    """Return every page's address, with what is there when it is whole."""
    return {
        "today": "#results canvas",
        f"strategy?strategy={STRATEGY}": "#content canvas",
        "account?account=sandbox": "#content table",
        f"symbol?symbol={symbols_of(STRATEGY)[0]}": "#content canvas",
        "symbol": "#symbols",
        f"run?{_query(run)}": "#symbols tbody tr",
    }


def _query(run: LiveRun) -> str:
    return f"dag_id={quote(run.dag_id)}&run_id={quote(run.run_id, safe='')}"


def _engine(live: Live) -> Engine:
    ports = live.stack.ports
    urls = (f"http://127.0.0.1:{port}" for port in (ports.signals, ports.gateway, ports.market))
    return Engine(live.stack.ledger_url, *urls, timeout_seconds=30)


def _lost(live: Live) -> Intent:
    """Send an order whose answer is lost, at a gateway that gives no answer about any order from then on."""
    engine = _engine(live)
    engine.settings = SHORT
    strategy = sandbox_strategy(id="lost", symbols=["GEN461", "GEN462"], top_n=1, bottom_n=0)
    identity = RunIdentity("lost", f"lost_{datetime.now(UTC):%Y%m%d%H%M%S}", "manual", None, datetime.now(UTC))
    _, (intent,) = engine.plan(identity, strategy)
    live.sandbox.fault("reset_after_accept", service="gateway", times=1)
    live.sandbox.fault("plain_500", service="gateway", match={"method": "GET", "path": "/api/v1/orders/.*"})
    with pytest.raises((OutcomeUnknown, Unavailable)):
        engine.submit(intent.client_order_id)
    return intent


def _crowd(live: Live) -> LiveRun:
    """Put a run of 500 orders into the ledger that the gateway refused one and all, in words that hold markup."""
    engine = _engine(live)
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
