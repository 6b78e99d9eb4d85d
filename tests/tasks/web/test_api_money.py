"""What the API says of money: books by strategy, days with their lines, and nothing of what a user may not read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from include.execution.results.look import close_account
from include.trading.calendar.sessions import trading_calendar
from tests.support.engine import sandbox_strategy
from tests.support.web import Site

D = Decimal


@pytest.fixture
def closed(site: Site) -> Site:
    """A strategy that traded, and whose session's book is closed."""
    now = datetime.now(UTC)
    session = trading_calendar("XNYS", today=now.date()).current(now)
    site.engine.run("one", sandbox_strategy())
    offset = session.close + timedelta(minutes=20) - now
    site.sandbox.admin.settings(clock_offset_seconds=offset.total_seconds())
    later = replace(site.engine, clock_offset=offset)
    with later.ledger() as ledger:
        assert close_account(ledger, later.assembly(), "sandbox", [sandbox_strategy()], actor="test").problems == []
    return site


def test_before_the_first_close_there_are_no_books(site: Site) -> None:
    assert site.get("/money").json() == {"books": [], "accounts": []}
    assert site.get("/money/daily_trading").json() == {"books": []}


def test_a_book_has_equity_result_and_drawdown(closed: Site) -> None:
    (book,) = closed.get("/money").json()["books"]

    assert (book["account"], book["strategy_id"], book["dag_id"]) == ("sandbox", "daily_trading", "daily_trading")
    assert D(book["equity"]) == D(book["flows_in_all"]) + D(book["result_in_all"])
    (point,) = book["points"]
    assert point["equity"] == book["equity"]
    assert book["measures"]["sessions"] == 1


def test_a_strategy_has_months_and_positions_with_weights(closed: Site) -> None:
    (found,) = closed.get("/money/daily_trading").json()["books"]

    (month,) = found["months"]
    assert D(month["result"]) == D(found["book"]["result"])
    day = found["day"]
    held = [each for each in day["positions"] if D(each["quantity"])]
    assert len(held) == day["total_positions"] == 4
    for position in held:
        assert position["weight"] == pytest.approx(float(D(position["value"]) / D(day["equity"])))
    assert sum(D(each["result"]) for each in day["positions"]) - D(day["fees"]) == D(day["result"])


def test_history_leaves_out_books_whose_figures_are_here(closed: Site) -> None:
    assert len(closed.get("/history").json()["points"]) == 1
    assert closed.get("/history", only_unclosed="true").json() == {"points": []}


def test_a_day_is_paged(closed: Site) -> None:
    session = closed.get("/money").json()["books"][0]["session_date"]

    day = closed.get(f"/money/daily_trading/days/{session}", account="sandbox", limit=1, offset=1).json()

    assert len(day["positions"]) == len(day["lines"]) == 1
    assert day["total_lines"] == 5
    assert day["lines"][0]["kind"] == "fill"
    assert closed.get("/money/daily_trading/days/2020-01-02", account="sandbox").status_code == 404


def test_a_strategy_that_is_not_there_is_not_found(closed: Site) -> None:
    assert closed.get("/money/other").status_code == 404
    assert closed.get("/money", sessions=0).status_code == 422


def test_a_proposed_split_is_booked_by_one_request_and_once(closed: Site) -> None:
    now = datetime.now(UTC)
    calendar = trading_calendar("XNYS", today=now.date())
    session = calendar.next(calendar.current(now).day)
    offset = session.open + timedelta(minutes=5) - now
    closed.sandbox.admin.settings(clock_offset_seconds=offset.total_seconds())
    engine = replace(closed.engine, clock_offset=offset)
    with engine.ledger() as ledger:
        symbol, held = next(
            (symbol, quantity) for _, symbol, quantity in ledger.movements.holdings("sandbox") if quantity > 0
        )
    closed.sandbox.admin.corporate_action("forward_split", symbol, new_rate=10, old_rate=1)
    engine.run("the ex-date", sandbox_strategy())

    (action,) = closed.get("/corporate-actions").json()["actions"]
    assert (action["symbol"], action["state"], action["may_act"]) == (symbol, "proposed", True)
    path = f"/accounts/sandbox/corporate-actions/{action['id']}"
    assert closed.post(f"{path}/apply", {"reason": "a click"}, name="vera").status_code == 403
    (booked,) = closed.post(f"{path}/apply", {"reason": "a click"}).json()["actions"]

    assert booked["state"] == "applied"
    with engine.ledger() as ledger:
        assert ledger.movements.of_account("sandbox")[symbol] == 10 * held
    assert closed.post(f"{path}/apply", {"reason": "again"}).status_code in (409, 422)
    assert closed.get("/corporate-actions").json()["actions"] == []
    assert closed.post("/accounts/sandbox/corporate-actions/999/dismiss", {"reason": "no"}).status_code == 404
