"""The books of days over a real ledger and sandbox: closed once, never changed, and what is late is the next day's."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from psycopg import sql

from include.adapters.notify.channels import channels_of
from include.adapters.notify.curve import picture_of
from include.execution.alerts.delivery import send_alerts
from include.execution.duty.account import resume
from include.execution.duty.corrections import correct
from include.execution.results.close_day import Closed
from include.execution.results.flows import record_flow
from include.execution.results.look import close_account
from include.ops.main import main
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.account.corrections import Quantity
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import InvalidData
from include.trading.results.row import BookKey, DayRow
from include.trading.strategy.limits import Limits
from include.trading.strategy.spec import Strategy
from tests.support.duty import AT_ONCE
from tests.support.engine import Engine
from tests.support.inbox import mail_server, webhook
from tests.support.trading import Trade

D = Decimal
KEY = BookKey("sandbox", "daily_trading", "paper")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with start_sandbox(contract="v2") as running:
        yield running


class Days:
    """A strategy that trades session after session, while the clocks of ledger and sandbox move on."""

    def __init__(self, trade: Trade, sandbox: Sandbox) -> None:
        self.trade, self.sandbox = trade, sandbox
        now = datetime.now(UTC)
        self.calendar = trading_calendar("XNYS", today=now.date())
        self.session = self.calendar.current(now)
        self.go_to(self.session.open + timedelta(minutes=5))

    @property
    def engine(self) -> Engine:
        return self.trade.engine

    def go_to(self, moment: datetime) -> None:
        offset = moment - datetime.now(UTC)
        self.sandbox.admin.settings(clock_offset_seconds=offset.total_seconds())
        self.trade.engine = replace(self.trade.engine, clock_offset=offset)

    def run(self, **changes: Any) -> None:
        name = f"run {self.session.day}"
        run = self.engine.run(name, self.trade.strategy.model_copy(update=changes))
        assert run.status == "completed", run.summary

    def close(self) -> Closed:
        """Close the session's books, and go on to the next session."""
        self.go_to(self.session.close + timedelta(minutes=20))
        found = self.close_again()
        self.session = self.calendar.next(self.session.day)
        self.go_to(self.session.open + timedelta(minutes=5))
        return found

    def close_again(self) -> Closed:
        with self.engine.ledger() as ledger:
            return close_account(ledger, self.engine.assembly(), "sandbox", [self.trade.strategy], actor="test")

    def rows(self) -> list[DayRow]:
        with self.engine.ledger() as ledger:
            return ledger.results.days()

    def lines(self) -> list[dict[str, Any]]:
        with self.engine.ledger() as ledger:
            return ledger.results.lines([row.id for row in ledger.results.days()])


@pytest.fixture
def days(ledger_url: str, sandbox: Sandbox) -> Days:
    return Days(Trade.begin(ledger_url, sandbox, "v2"), sandbox)


def test_each_session_is_closed_once_and_the_identity_holds_over_them(days: Days) -> None:
    first = days.session.day
    days.run()
    assert [line.split(":")[0] for line in days.close().days] == [f"daily_trading {first}"]
    assert days.close_again().days == []
    days.run()
    days.close()
    days.close()

    rows = days.rows()

    assert [row.session_date for row in rows] == list(days.calendar.between(first, rows[-1].session_date))
    assert len(rows) == 3
    assert rows[0].flows == D(100000)
    before = D(0)
    for row in rows:
        assert row.equity_before == before
        assert row.equity == before + row.result + row.flows
        before = row.equity
    # Cash and shares at the sandbox's closes are what the book says.
    held = {symbol: D(kept["quantity"]) for symbol, kept in rows[-1].symbols.items()}
    assert held
    worth = sum(D(kept["quantity"]) * D(kept["price"]) for kept in rows[-1].symbols.values())
    assert rows[-1].equity == rows[-1].cash + round(worth, 2)


def test_a_missed_close_is_made_up_for_session_by_session(days: Days) -> None:
    first = days.session.day
    days.run()
    for _ in range(2):
        days.session = days.calendar.next(days.session.day)

    found = days.close()

    assert [row.session_date for row in days.rows()] == list(
        days.calendar.between(first, days.calendar.previous(days.session.day).day)
    )
    assert len(found.days) == 3
    assert found.problems == []


def test_money_put_in_and_taken_out_is_no_result(days: Days) -> None:
    days.run()
    days.close()
    with days.engine.ledger() as ledger:
        record_flow(ledger, KEY, D(500), actor="ann", reason="more")
        record_flow(ledger, KEY, D("-120.50"), actor="ann", reason="less")

    days.close()

    row = days.rows()[-1]
    assert row.flows == D("379.50")
    assert row.equity == row.equity_before + row.result + D("379.50")
    assert row.daily_return == pytest.approx(float(row.result / (row.equity_before + row.flows)))
    assert [line["words"] for line in days.lines() if line["kind"] == "flow"] == ["more", "less"]


@pytest.mark.parametrize("amount", ["0", "0.001", "1e15"])
def test_a_flow_is_in_whole_cents_and_not_nothing(days: Days, amount: str) -> None:
    days.run()

    with days.engine.ledger() as ledger, pytest.raises(InvalidData, match="whole cents"):
        record_flow(ledger, KEY, D(amount), actor="ann", reason="more")


def test_a_flow_for_a_strategy_without_a_book_names_those_with_one(days: Days) -> None:
    days.run()

    with days.engine.ledger() as ledger, pytest.raises(InvalidData, match=r"known are daily_trading \(paper\)"):
        record_flow(ledger, KEY._replace(strategy_id="other"), D(1), actor="ann", reason="more")


def test_a_correction_is_a_line_of_the_next_day_and_the_closed_day_stays(days: Days) -> None:
    days.run()
    days.close()
    closed = days.rows()
    symbol, kept = next((name, kept) for name, kept in closed[0].symbols.items() if D(kept["quantity"]) > 0)
    with days.engine.desk() as desk:
        correct(
            desk,
            "sandbox",
            "daily_trading",
            symbol,
            Quantity(D(kept["quantity"]) - 2),
            reason="two were never ours",
            against_gateway=True,
        )

    days.close()

    rows = days.rows()
    assert rows[0] == closed[0]
    assert rows[1].corrected == -round(2 * D(rows[1].symbols[symbol]["price"]), 2)
    (line,) = [line for line in days.lines() if line["kind"] == "quantity"]
    assert (line["session_date"], line["quantity"], line["words"]) == (
        rows[1].session_date,
        D(-2),
        "two were never ours",
    )


def test_a_price_that_changed_after_the_close_is_a_line_of_the_next_day(days: Days) -> None:
    days.run()
    days.close()
    with psycopg.connect(days.engine.ledger_url) as connection:
        connection.execute(
            "UPDATE order_intents SET filled_avg_price = filled_avg_price + 1, updated_at = clock_timestamp()"
            " WHERE filled_quantity > 0 AND side = 'buy'"
        )

    days.close()
    days.close()

    rows = days.rows()
    late = [line for line in days.lines() if line["kind"] == "price"]
    assert sum(line["amount"] for line in late) == -rows[1].corrected > 0
    assert {line["of_session"] for line in late} == {rows[0].session_date}
    assert rows[2].corrected == 0


def test_a_symbol_without_a_close_is_worth_what_it_cost_and_is_named(days: Days) -> None:
    days.run()
    with days.engine.desk() as desk:
        correct(
            desk,
            "sandbox",
            "daily_trading",
            "ZZZZ",
            Quantity(D(5)),
            reason="spun off, and priced by no service",
            against_gateway=True,
        )

    days.close()

    (row,) = days.rows()
    assert row.stale == ["ZZZZ"]
    assert (row.symbols["ZZZZ"]["value"], row.symbols["ZZZZ"]["result"]) == ("0", "0")


def test_market_data_that_is_down_closes_nothing_and_is_an_alert_until_it_is_back(days: Days) -> None:
    days.run()
    days.sandbox.admin.fault("refuse_connections", service="market")
    days.go_to(days.session.close + timedelta(minutes=20))

    found = days.close_again()

    assert len(found.problems) == 1
    assert days.rows() == []
    assert [alert.kind for alert in open_alerts(days)] == ["books_not_closed"]
    days.sandbox.admin.clear_faults()
    assert len(days.close_again().days) == 1
    assert open_alerts(days) == []


def open_alerts(days: Days) -> list[Any]:
    with days.engine.ledger() as ledger:
        return [alert for alert in ledger.alerts.open() if alert.kind == "books_not_closed"]


def test_an_own_book_compounds_and_its_equity_is_frozen_with_the_plan(days: Days) -> None:
    days.trade.strategy = made(days.trade.strategy, {"own": {"start": 50000}})
    days.run()
    days.close()
    with days.engine.ledger() as ledger:
        record_flow(ledger, KEY, D(1000), actor="ann", reason="more")
    days.run()

    (first,) = days.rows()
    with days.engine.ledger() as ledger:
        newest, before = ledger.runs.latest(2)
        assert newest.plan_id is not None
        plan = ledger.plans.get(newest.plan_id)
    assert before.capital == D(50000)
    assert first.flows == D(50000)
    assert newest.capital is not None
    # By the prices of the plan, which the sandbox trades all session at: those of its close.
    assert plan is not None
    assert D(plan.parameters["money"]["capital"]) == newest.capital
    days.close()
    second = days.rows()[-1]
    assert newest.capital == second.equity_before + second.flows + second.result


def test_a_loss_above_its_limit_stops_increases_until_a_person_resumes(days: Days) -> None:
    days.trade.strategy = days.trade.strategy.model_copy(update={"limits": Limits(daily_loss=D("0.0001"))})
    days.run()
    days.close()
    with psycopg.connect(days.engine.ledger_url) as connection:
        connection.execute(
            "UPDATE order_intents SET filled_avg_price = filled_avg_price + 500, updated_at = clock_timestamp()"
            " WHERE filled_quantity > 0 AND side = 'buy'"
        )
    run = days.engine.run("the next day", days.trade.strategy)

    assert (run.num_orders_submitted, run.num_orders_denied) == (0, 1)
    with days.engine.ledger() as ledger:
        account = ledger.accounts.get("sandbox")
        assert account is not None
        assert (account.state, account.state_cause) == ("reduce_only", "loss")
        assert [alert.severity for alert in ledger.alerts.open() if alert.kind == "loss_limit"] == ["critical"]
        resume(ledger, "sandbox", actor="ann", reason="a price was wrong", settings=days.engine.settings)
        assert [alert for alert in ledger.alerts.open() if alert.kind == "loss_limit"] == []
    with psycopg.connect(days.engine.ledger_url) as connection:
        # By the clock that the test moved: in this session, whose loss is then not judged again.
        connection.execute("UPDATE accounts SET state_changed_at = %s", [days.session.open + timedelta(hours=1)])
    days.close()
    assert days.trade.account().state == "active"


def made(strategy: Strategy, capital: Any) -> Strategy:
    return Strategy.model_validate({**strategy.model_dump(mode="json"), "capital": capital})


@pytest.mark.parametrize("table", ["day_books", "day_lines", "flows"])
def test_what_is_closed_is_never_changed_or_taken_away(days: Days, table: str) -> None:
    days.run()
    days.close()
    with days.engine.ledger() as ledger:
        record_flow(ledger, KEY, D(1), actor="ann", reason="more")
    with psycopg.connect(days.engine.ledger_url) as connection:
        for words in ("DELETE FROM {}", "UPDATE {} SET id = DEFAULT", "TRUNCATE {} CASCADE"):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation), connection.transaction():
                connection.execute(sql.SQL(words).format(sql.Identifier(table)))


def pictures(mail: EmailMessage) -> list[EmailMessage]:
    return [part for part in mail.walk() if part.get_content_type() == "image/png"]


def test_the_evening_mail_has_the_days_line_and_the_curve_within_it_and_a_webhook_the_line_alone(days: Days) -> None:
    days.run()
    days.close()
    days.close()
    with mail_server() as (url, mails), webhook() as inbox, days.engine.ledger() as ledger:
        send_alerts(ledger, AT_ONCE, lambda: channels_of([{"path": url}, {"path": inbox.url}]), base_url="http://a")

    first, second = days.rows()
    (mail,) = [each for each in mails if pictures(each)]
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    for part in (html, plain):
        text = part.get_content()
        assert f"equity {second.equity:,.2f} USD" in text
        assert f"{first.session_date} to {second.session_date}" in text
        assert f"highest {max(first.equity, second.equity):,.2f}" in text
    (picture,) = pictures(mail)
    assert picture["Content-Disposition"].content_disposition == "inline"
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()
    assert picture.get_content() == picture_of([float(first.equity), float(second.equity)])
    # The run's summary, and the result of each of the two days.
    assert (len(mails), len(inbox.messages)) == (3, 3)
    assert all(not message.get("attachments") for message in inbox.messages)


def test_the_commands_close_books_and_record_capital(days: Days, capsys: pytest.CaptureFixture[str]) -> None:
    days.run()
    days.go_to(days.session.close + timedelta(minutes=20))
    gateway = days.engine.endpoint("execution_gateway").base_url
    environ = {
        "AIRFLOW_CONN_TRADING_LEDGER": days.engine.ledger_url,
        "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(
            {"conn_type": "http", "host": gateway, "extra": {"contract": "v2", "account": "sandbox"}}
        ),
    }

    assert main(["capital", "--in", "250.25", "--reason", "more", "--by", "ann"], environ) == 0
    assert "+250.25 USD for the book of daily_trading (paper) on sandbox" in capsys.readouterr().out
    assert main(["capital", "--out", "-5", "--reason", "more", "--by", "ann"], environ) == 2
    # By the real clock the session is not over.
    assert main(["books", "--by", "ann"], environ) == 0
    assert capsys.readouterr().out == "no book was due\n"


def test_a_report_says_what_was_earned_as_text_json_page_and_file(
    days: Days, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    days.run()
    days.close()
    days.close()
    environ = {"AIRFLOW_CONN_TRADING_LEDGER": days.engine.ledger_url}
    first, second = days.rows()
    page, returns = tmp_path / "report.html", tmp_path / "returns.csv"

    assert main(["report", "--html", str(page), "--export", str(returns), "--json"], environ) == 0

    (book,) = json.loads(capsys.readouterr().out)
    assert D(book["result"]) == first.result + second.result
    assert D(book["equity"]) == D(book["equity_before"]) + D(book["result"]) + D(book["flows"])
    assert sum(D(row["result"]) for row in book["symbols"]) - D(book["fees"]) == D(book["result"])
    assert page.read_text().count("<svg") == 2
    rows = list(csv.DictReader(returns.read_text().splitlines()))
    table = tmp_path / "returns.parquet"
    assert main(["report", "--export", str(table)], environ) == 0
    kept = [(row.session_date, row.daily_return) for row in (first, second)]
    assert [(row["date"], row["returns"]) for row in pyarrow.parquet.read_table(table).to_pylist()] == kept
    assert [(date.fromisoformat(row["date"]), float(row["returns"])) for row in rows] == kept
    capsys.readouterr()
    assert main(["report", "--day", str(second.session_date)], environ) == 0
    assert f"{second.session_date}, 1 sessions" in capsys.readouterr().out
    assert main(["report", "--month", "2001-01"], environ) == 2
