"""Signals of a file, a query, a function and an event through the steps of a run, on a real ledger and the sandbox."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from include.adapters.connection import ConnectionParts
from include.execution.steps.changed_signals import look_again
from include.execution.steps.open_run import strategy_of
from include.execution.whatif.report import report
from include.sandbox.runner import Sandbox, start_sandbox
from include.trading.calendar.sessions import trading_calendar
from include.trading.errors import BadAnswer, TradingError, Unavailable
from include.trading.run.row import Run
from include.trading.strategy.spec import Strategy
from tests.support.engine import Engine, sandbox_strategy

CALENDAR = trading_calendar("XNYS", today=datetime.now(UTC).date())
GOOD = "ticker,weight\nAAPL,0.5\nKO,0.3\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with start_sandbox(fill_after=0, fill_parts=1) as sandbox:
        yield sandbox


@pytest.fixture
def engine(ledger_url: str, running: Sandbox) -> Engine:
    running.admin.reset()
    return Engine(ledger_url, running.signals_url, running.gateway_url, running.market_url)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.csv"
    path.write_text(GOOD)
    return path


def strategy(signals: dict[str, Any], **changes: Any) -> Strategy:
    return sandbox_strategy(**{"symbols": (), "signals": signals, "max_position_size": {"capital": 1}} | changes)


def standing(path: Path, **terms: Any) -> dict[str, Any]:
    return {"file": {"path": str(path), "dated": "standing", **terms}}


def held(engine: Engine) -> dict[str, Decimal]:
    with engine.ledger() as ledger:
        session = CALENDAR.current(ledger.now()).day
        book = ledger.movements.book(engine.account, strategy_id="daily_trading", mode="paper", session=session)
    return {symbol: quantity for symbol, quantity in book.held.items() if quantity}


def answer_of(engine: Engine, run: Run) -> dict[str, Any]:
    with engine.ledger() as ledger:
        return ledger.runs.answers(run.run_id)


def test_a_file_without_symbols_and_without_a_date_trades_what_it_names(engine: Engine, weights: Path) -> None:
    run = engine.run("one", strategy(standing(weights)))

    assert run.status == "completed"
    assert held(engine).keys() == {"AAPL", "KO"}
    origin = answer_of(engine, run)["signal_origin"]
    assert origin["source"] == str(weights)
    assert origin["sha256"] == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (origin["rows"], origin["hindsight"]) == (2, False)


def test_a_name_that_leaves_the_file_is_closed_and_a_new_one_is_bought(engine: Engine, weights: Path) -> None:
    engine.run("one", strategy(standing(weights)))
    weights.write_text("ticker,weight\nAAPL,0.5\nXOM,0.3\n")

    engine.run("two", strategy(standing(weights)), revision=2)

    assert held(engine).keys() == {"AAPL", "XOM"}


def test_a_name_that_leaves_an_incomplete_file_stays(engine: Engine, weights: Path) -> None:
    engine.run("one", strategy(standing(weights)))
    before = held(engine)
    weights.write_text("ticker,weight\nAAPL,0.5\n")

    engine.run("two", strategy(standing(weights, complete=False)), revision=2)

    assert held(engine)["KO"] == before["KO"]


def test_a_file_from_which_most_of_what_is_held_vanished_is_refused_whole(engine: Engine, weights: Path) -> None:
    engine.run("one", strategy(standing(weights)))
    before = held(engine)
    weights.write_text("ticker,weight\nXOM,0.3\n")

    with pytest.raises(BadAnswer, match="none for 2 of 2"):
        engine.run("two", strategy(standing(weights)), revision=2)

    assert held(engine) == before


@pytest.mark.parametrize(
    ("text", "told", "kept"),
    [
        (None, "expected a file that can be read", None),
        ("", "an empty file", ""),
        ("date,ticker,weight\n2020-01-02,AAPL,1\n", "found rows of 2020-01-02", "2020-01-02"),
        ("date,ticker,weight\n2099-01-02,AAPL,1\n", "2099-01-02, which is later", "2099-01-02"),
        ("ticker,weight\nAAPL,0.5\nAAPL,0.5\n", "several for AAPL", "AAPL,0.5"),
        ("ticker,weight\nAAPL,NaN\n", "finite number", "NaN"),
        ("ticker,weight\nAAPL,much\n", "found 'much'", "much"),
        ("ticker,weight\nAAPL,5\n", "gross weight is 5", "5.0"),
        ("name,size\nAAPL,1\n", "found the columns name, size", "name,size"),
        ("x" * 200_000_001, "at most 200,000,000 bytes", ""),
    ],
    ids=["missing", "empty", "earlier", "later", "twice", "nan", "text", "500 %", "columns", "200 MB"],
)
def test_a_bad_file_is_one_sentence_and_no_plan(
    engine: Engine, tmp_path: Path, text: str | None, told: str, kept: str | None
) -> None:
    path = tmp_path / "weights.csv"
    if text is not None:
        path.write_text(text)
    dated = "column" if text and text.startswith("date") else "standing"
    own = strategy({"file": {"path": str(path), "dated": dated}})

    refused_whole(engine, own, told, kept)


def refused_whole(engine: Engine, own: Strategy, told: str, kept: str | None) -> None:
    """Check that a run of the strategy ends with one sentence, and that nothing of it was planned."""
    identity = engine.identity("one")
    with pytest.raises(TradingError) as refused:
        engine.plan(identity, own)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    with engine.ledger() as ledger:
        answers = ledger.runs.answers(identity.run_id)
        assert ledger.runs.mappings(identity.run_id) == []
        row = ledger.connection.execute("SELECT (SELECT count(*) FROM plans) AS plans").fetchone()
    assert row == {"plans": 0}
    response = answers["signal_service_response"]
    if kept is None:
        assert response is None
    else:
        assert told in response["refused"]
        assert kept in json.dumps(response["answer"])


FUNCTIONS = """
import time
def hangs(request): time.sleep(600)
def raises(request): raise LookupError("the model is not here")
def rubbish(request): return object()
def too_much(request): return {"AAPL": 3}
def weights(request): return {"AAPL": 0.5, "KO": 0.3}
"""


@pytest.mark.parametrize(
    ("name", "told", "kept"),
    [
        ("hangs", "expected rows within 1 s", None),
        ("raises", "raised LookupError: the model is not here", None),
        ("rubbish", "found object", ""),
        ("too_much", "gross weight is 3", "3"),
    ],
)
def test_a_bad_function_is_one_sentence_and_no_plan(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str, kept: str | None
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_functions.py").write_text(FUNCTIONS)
    own = strategy({"python": {"function": f"my_functions:{name}", "timeout_seconds": 1 if name == "hangs" else 600}})

    refused_whole(engine, own, told, kept)


@pytest.fixture
def warehouse(engine: Engine, empty_database_url: str) -> str:
    """A database of PostgreSQL with weights, and a function in it that writes."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE carry (day DATE, symbol TEXT, weight NUMERIC)")
        connection.execute("INSERT INTO carry VALUES (CURRENT_DATE + 9, 'AAPL', 0.5), (CURRENT_DATE + 9, 'KO', 0.3)")
        connection.execute(
            "CREATE FUNCTION empties() RETURNS TABLE (symbol TEXT, weight NUMERIC) LANGUAGE plpgsql AS "
            "$$ BEGIN DELETE FROM carry; RETURN QUERY SELECT 'AAPL', 1.0; END $$"
        )
    parts = psycopg.conninfo.conninfo_to_dict(empty_database_url)
    engine.others["dwh"] = ConnectionParts(
        "dwh",
        conn_type="postgres",
        host=str(parts["host"]),
        port=int(parts.get("port") or 5432),
        schema=str(parts["dbname"]),
        login=str(parts["user"]),
        password=str(parts["password"]) if "password" in parts else None,
    )
    return empty_database_url


def sql(query: str, **terms: Any) -> dict[str, Any]:
    return {"sql": {"connection": "dwh", "query": query, "dated": "standing", **terms}}


def test_a_query_to_postgresql_is_planned_from(engine: Engine, warehouse: str) -> None:
    query = "SELECT symbol, weight FROM carry WHERE day > %(as_of_date)s AND symbol LIKE '%%'"

    run = engine.run("one", strategy(sql(query)))

    assert run.status == "completed"
    assert held(engine).keys() == {"AAPL", "KO"}


@pytest.mark.parametrize(
    ("query", "terms", "told"),
    [
        ("SELECT * FROM empties()", {}, "read-only transaction"),
        ("SELECT symbol, weight FROM absent", {}, "UndefinedTable"),
        ("SELECT 'AAPL' AS symbol, 1 AS weight FROM pg_sleep(600)", {"timeout_seconds": 1}, "within 1 s"),
        ("SELECT 'A' AS symbol, i AS weight FROM generate_series(1, 100001) AS i", {}, "at most 100000 rows"),
    ],
    ids=["writes", "wrong", "slow", "long"],
)
def test_a_bad_query_is_one_sentence_and_no_plan(
    engine: Engine, warehouse: str, query: str, terms: dict[str, Any], told: str
) -> None:
    refused_whole(engine, strategy(sql(query, **terms)), told, None if "timeout_seconds" in terms else "")

    with psycopg.connect(warehouse) as connection:
        assert connection.execute("SELECT count(*) FROM carry").fetchone() == (2,)


def event_of(path: Path) -> dict[str, Any]:
    session = CALENDAR.current(datetime.now(UTC)).day
    return {"url": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "session": str(session)}


def test_two_events_of_a_session_make_one_plan_and_the_second_is_told(
    engine: Engine, weights: Path, tmp_path: Path
) -> None:
    own = strategy({"event": {"under": f"{tmp_path}/"}})
    first, orders = engine.plan(engine.identity("one"), own, event=event_of(weights))
    weights.write_text("ticker,weight\nXOM,0.5\n")

    second, again = engine.plan(engine.identity("two"), own, event=event_of(weights))

    assert (second.plan_id, second.adopted) == (first.plan_id, True)
    assert [order.symbol for order in again] == [order.symbol for order in orders]
    assert {order.symbol for order in orders} == {"AAPL", "KO"}
    assert "changed after its plan was frozen" in answer_of(engine, second)["signal_origin"]["changed"]
    with engine.ledger() as ledger:
        (alert,) = [alert for alert in ledger.alerts.open() if alert.kind == "signals_changed"]
    assert alert.severity == "info"


def test_a_file_that_changed_after_its_plan_was_frozen_is_told_and_not_traded(engine: Engine, weights: Path) -> None:
    run, orders = engine.plan(engine.identity("one"), strategy(standing(weights)))

    assert changed(engine, run) is None
    weights.write_text("ticker,weight\nXOM,0.5\n")
    assert "changed after its plan was frozen" in (changed(engine, run) or "")

    engine.submit_all(orders)
    engine.track(run)
    assert held(engine).keys() == {"AAPL", "KO"}


def changed(engine: Engine, run: Run) -> str | None:
    with engine.desk() as desk, engine.assembly().signals(strategy_of(run)) as source:
        return look_again(desk, source, run)


def days_before(count: int) -> list[date]:
    last = CALENDAR.previous(CALENDAR.current(datetime.now(UTC)).day).day
    return list(CALENDAR.between(date(last.year - 2, 1, 2), last)[-count:])


def write_file(folder: Path, days: list[date], engine: Engine) -> dict[str, Any]:
    for place, day in enumerate(days):
        (folder / f"{day}.csv").write_text(f"date,symbol,weight\n{day},AAPL,0.{place % 9 + 1}\n{day},KO,-0.4\n")
    return {"file": {"path": f"{folder}/{{as_of_date}}.csv"}}


def write_sql(folder: Path, days: list[date], engine: Engine) -> dict[str, Any]:
    path = folder / "signals.db"
    engine.others["dwh"] = ConnectionParts("dwh", conn_type="sqlite", host=str(path))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE signals (day TEXT, symbol TEXT, weight REAL)")
        rows = [(str(day), symbol, weight) for day in days for symbol, weight in (("AAPL", 0.5), ("KO", -0.4))]
        database.executemany("INSERT INTO signals VALUES (?, ?, ?)", rows)
    return {"sql": {"connection": "dwh", "query": "SELECT symbol, weight FROM signals WHERE day = %(as_of_date)s"}}


def write_python(folder: Path, days: list[date], engine: Engine) -> dict[str, Any]:
    (folder / "my_functions.py").write_text(FUNCTIONS)
    return {"python": {"function": "my_functions:weights", "timeout_seconds": 600}}


@pytest.mark.parametrize(
    ("write", "sessions"), [(write_file, 250), (write_sql, 20), (write_python, 3)], ids=["file", "sql", "python"]
)
def test_dated_signals_are_replayed_session_by_session_and_nothing_is_sent(
    engine: Engine,
    running: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Any,
    sessions: int,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    days = days_before(sessions + 1)
    own = strategy(write(tmp_path, days, engine), sandbox_only=False, market_hours=True, schedule="session")

    for day in days[1:]:
        session = CALENDAR.session(day)
        run, intents = engine.plan(engine.identity(f"backfill__{day}", "backfill", session.open), own)
        assert (intents, run.mode, run.num_signals) == ([], "replay", 2)

    with engine.ledger() as ledger:
        assert len(ledger.runs.replays(days[1], days[-1])) == sessions
    assert running.admin.book()["posts_total"] == 0


def test_rows_dated_later_than_the_replayed_day_are_refused(engine: Engine, tmp_path: Path) -> None:
    earlier, day, later = days_before(3)
    own = strategy({"file": {"path": f"{tmp_path}/all.csv"}})
    (tmp_path / "all.csv").write_text(f"date,AAPL,KO\n{earlier},0.5,0.3\n{later},0.5,0.3\n")

    with pytest.raises(BadAnswer, match=f"{later}, which is later"):
        engine.plan(engine.identity("one", "backfill", CALENDAR.session(day).open), own)


def test_a_time_of_writing_dates_no_replay_and_standing_weights_are_hindsight_there(
    engine: Engine, weights: Path
) -> None:
    session = CALENDAR.session(days_before(1)[0])
    recent = strategy({"file": {"path": str(weights), "dated": {"modified_within_hours": 20}}})

    with pytest.raises(BadAnswer, match="a day that is replayed"):
        engine.plan(engine.identity("one", "backfill", session.open), recent)

    run, _ = engine.plan(engine.identity("two", "backfill", session.open), strategy(standing(weights)))
    assert answer_of(engine, run)["signal_origin"]["hindsight"] is True
    with engine.ledger() as ledger:
        told = report(ledger, session.day, session.day, "daily_trading", engine.assembly())
    assert told.orders == 2
    assert any(note.startswith("Hindsight: in 1 sessions") for note in told.notes)


def test_a_file_that_is_missing_is_waited_for(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        engine.plan(engine.identity("one"), strategy(standing(tmp_path / "none.csv")))
