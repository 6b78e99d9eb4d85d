"""The sources that answer with a table, each with what can be wrong with it: one sentence, and no signals."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.outside import Outside, Stored
from include.adapters.signals import content, python_child
from include.adapters.signals.registry import open_signals
from include.adapters.signals.tables import answered_by_value
from include.trading.errors import BadAnswer, InvalidData, NotFound, TradingError, Unavailable
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest
from include.trading.strategy.signals_spec import PythonSignals
from tests.support.strategies import made

DAY, SESSION = date(2026, 1, 2), date(2026, 1, 5)
GOOD = "symbol,weight\nAAPL,0.5\nKO,-0.5\n"


def ask(
    signals: dict[str, Any], outside: Outside | None = None, event: dict[str, Any] | None = None, **parts: Any
) -> SignalSet:
    strategy = made({"id": "own", "capital": 1000, "signals": signals})

    def connections(connection_id: str) -> ConnectionParts:
        return ConnectionParts(connection_id, **parts)

    with open_signals(strategy, connections, outside=outside) as source:
        return source.signals(SignalRequest(symbols=(), as_of_date=DAY, session=SESSION, event=event))


def weights(found: SignalSet) -> dict[str, Decimal]:
    return {signal.symbol: signal.target_weight for signal in found.signals}


HALVES = {"AAPL": Decimal("0.5"), "KO": Decimal("-0.5")}


def file(path: Path | str, **terms: Any) -> dict[str, Any]:
    return {"file": {"path": str(path), "dated": "standing", **terms}}


def test_a_file_is_found_by_its_day_and_read_with_its_hash_and_its_time(tmp_path: Path) -> None:
    path = tmp_path / "20260105.csv"
    path.write_text(GOOD)
    os.utime(path, (1_767_600_000, 1_767_600_000))

    found = ask(file(f"{tmp_path}/{{session:%Y%m%d}}.csv", dated="name"))

    assert weights(found) == HALVES
    assert found.origin is not None
    assert found.origin.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert found.origin.modified_at is not None
    assert found.origin.modified_at.timestamp() == 1_767_600_000


def test_a_file_is_parquet_by_its_content_and_read_where_pyarrow_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"date": [DAY, DAY], "ticker": ["AAPL", "KO"], "weight": [0.5, -0.5]})
    parquet.write_table(table, tmp_path / "weights")

    assert weights(ask(file(tmp_path / "weights", dated="column"))) == HALVES

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadAnswer, match="pip install pyarrow"):
        ask(file(tmp_path / "weights", dated="column"))


def test_a_small_parquet_file_that_stands_for_much_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    # One value of 100 kB, and 3000 rows that name it.
    table = pyarrow.table({"ticker": ["A" * 100_000] * 3000, "weight": [0.5] * 3000})
    parquet.write_table(table, tmp_path / "weights.parquet")
    assert (tmp_path / "weights.parquet").stat().st_size < 20_000

    with pytest.raises(BadAnswer, match="expected at most 200000000 bytes of values"):
        ask(file(tmp_path / "weights.parquet"))


def test_half_a_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.parquet").write_bytes(b"PAR1 and then nothing")

    with pytest.raises(BadAnswer, match="Parquet"):
        ask(file(tmp_path / "weights.parquet"))


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo])
def test_a_file_that_is_not_there_or_is_none_is_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "weights.csv"
    make(path)

    with pytest.raises(Unavailable, match="expected a file that can be read"):
        ask(file(path))


def test_a_file_of_200_megabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    with path.open("wb") as large:
        large.truncate(200_000_001)

    with pytest.raises(BadAnswer, match=r"at most 200,000,000 bytes, found 200,000,001; nothing of it was read"):
        ask(file(path))


def test_a_store_that_does_not_tell_the_size_is_read_no_further_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MOST_BYTES", 10)

    with pytest.raises(BadAnswer, match="found more"):
        ask(file("s3://bucket/weights.csv", connection="aws"), store(GOOD.encode()))


def store(found: bytes | None) -> Outside:
    """Return a store of one object that tells neither size nor time."""

    @contextmanager
    def objects(url: str, connection: str) -> Iterator[Stored]:
        if found is None:
            raise NotFound(f"no {url} for {connection}")
        yield Stored(BytesIO(found), None, None)

    return Outside(objects=objects)


def test_an_object_of_a_store_is_read_through_what_opens_it() -> None:
    assert weights(ask(file("s3://bucket/weights.csv", connection="aws"), store(GOOD.encode()))) == HALVES
    with pytest.raises(Unavailable, match=r"no s3://bucket/weights\.csv for aws"):
        ask(file("s3://bucket/weights.csv", connection="aws"), store(None))
    with pytest.raises(InvalidData, match="reached through Airflow"):
        ask(file("s3://bucket/weights.csv", connection="aws"))


def test_a_store_that_needs_no_connection_is_read_as_it_is() -> None:
    core = pytest.importorskip("fsspec.core")
    with core.open("memory://bucket/weights.csv", "wb") as stored:
        stored.write(GOOD.encode())

    assert weights(ask(file("memory://bucket/weights.csv"))) == HALVES
    with pytest.raises(Unavailable, match="FileNotFoundError"):
        ask(file("memory://bucket/other.csv"))


def announced(path: Path, **changes: Any) -> dict[str, Any]:
    extra = {"url": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "session": str(SESSION)}
    return {name: value for name, value in {**extra, **changes}.items() if value is not None}


def test_the_file_that_was_announced_is_the_file_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.csv"
    path.write_text(GOOD)
    spec = {"event": {"under": f"{tmp_path}/"}}
    event = announced(path)

    assert weights(ask(spec, event=event)) == HALVES

    path.write_text(GOOD.replace("0.5", "0.6"))
    with pytest.raises(BadAnswer, match="the content that the event announced"):
        ask(spec, event=event)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"url": None}, "expected `url`"),
        ({"sha256": None}, "expected `sha256`"),
        ({"sha256": "abc"}, "expected `sha256`"),
        ({"url": "/etc/passwd"}, "expected a url under"),
        ({"url": "s3://elsewhere/weights.csv"}, "expected a url under"),
        ({"session": "2026-01-06"}, "session 2026-01-05, found 2026-01-06"),
        ({"session": None}, "found neither"),
    ],
)
def test_an_event_names_its_file_its_hash_and_its_day_or_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    path = tmp_path / "weights.csv"
    path.write_text(GOOD)

    with pytest.raises(BadAnswer, match=told):
        ask({"event": {"under": f"{tmp_path}/"}}, event=announced(path, **changes))


@pytest.mark.parametrize("way", ["../other/weights.csv", "%2e%2e/other/weights.csv", "a/../../other/weights.csv"])
def test_an_event_leads_to_no_file_outside_of_its_folder(tmp_path: Path, way: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "other").mkdir()
    path = tmp_path / "other" / "weights.csv"
    path.write_text(GOOD)

    with pytest.raises(BadAnswer, match="expected a url under"):
        ask({"event": {"under": f"{tmp_path}/in/"}}, event=announced(path, url=f"{tmp_path}/in/{way}"))


def test_a_run_that_no_event_started_has_no_signals_of_an_event(tmp_path: Path) -> None:
    with pytest.raises(BadAnswer, match="expected an asset event of this session"):
        ask({"event": {"under": f"{tmp_path}/"}})


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "signals.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute("CREATE TABLE carry (day TEXT, symbol TEXT, weight REAL)")
        rows = [(str(DAY), "AAPL", 0.5), (str(DAY), "KO", -0.5), ("2025-12-31", "AAPL", 1)]
        opened.executemany("INSERT INTO carry VALUES (?, ?, ?)", rows)
    return path


QUERY = "SELECT symbol, weight FROM carry WHERE day = %(as_of_date)s"


def sql(query: str = QUERY, **terms: Any) -> dict[str, Any]:
    return {"sql": {"connection": "dwh", "query": query, **terms}}


def ask_sqlite(database: Path, query: str = QUERY, **terms: Any) -> SignalSet:
    return ask(sql(query, **terms), conn_type="sqlite", host=str(database))


def test_a_query_is_asked_with_the_day(database: Path) -> None:
    found = ask_sqlite(database)

    assert weights(found) == HALVES
    assert found.origin is not None
    assert found.origin.sha256 is not None
    assert (
        weights(
            ask_sqlite(
                database,
                "SELECT day AS date, symbol, weight FROM carry WHERE day > '2026' AND symbol LIKE '%%'",
                dated="column",
            )
        )
        == HALVES
    )


@pytest.mark.parametrize(
    ("query", "terms", "error", "told"),
    [
        (QUERY.replace("carry", "absent"), {}, BadAnswer, "no such table"),
        (QUERY.replace("symbol,", "symbol AS name,"), {}, BadAnswer, "found the columns name, weight"),
        (QUERY.replace("=", ">"), {}, BadAnswer, "found only the names of columns"),
        ("SELECT symbol, weight, day AS date FROM carry", {"dated": "column"}, BadAnswer, "found rows of 2025-12-31"),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT 'A' AS symbol, sum(i) AS weight FROM n WHERE '' < %(as_of_date)s",
            {"timeout_seconds": 1},
            Unavailable,
            r"within 1 s \(timeout_seconds\)",
        ),
        (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100002) "
            "SELECT 'A' AS symbol, i AS weight FROM n WHERE '' < %(as_of_date)s",
            {},
            BadAnswer,
            "at most 100000 rows",
        ),
    ],
)
def test_a_query_that_has_no_signals_of_the_day_is_refused(
    database: Path, query: str, terms: dict[str, Any], error: type[TradingError], told: str
) -> None:
    with pytest.raises(error, match=told):
        ask_sqlite(database, query, **terms)


@pytest.mark.parametrize("levels", [65, 300])
def test_a_value_of_a_query_that_is_nested_too_deep_is_refused(levels: int) -> None:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    row = ("AAPL", 0.5, value)

    class Cursor:
        description = (("symbol",), ("weight",), ("features",))

        def execute(self, query: str) -> None: ...

        def close(self) -> None: ...

        def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
            return [row]

    class Opened:
        def cursor(self) -> Cursor:
            return Cursor()

        def rollback(self) -> None: ...

    @contextmanager
    def databases(name: str) -> Iterator[Any]:
        yield Opened()

    with pytest.raises(BadAnswer, match="query to dwh: expected rows, found that it is nested more than 64 levels"):
        ask(sql(), Outside(databases=databases), conn_type="duckdb")


def test_a_database_that_is_not_there_is_waited_for_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="a database that can be read"):
        ask_sqlite(tmp_path / "nothing.db")

    assert not (tmp_path / "nothing.db").exists()


def test_another_database_is_asked_through_what_opens_it_and_nothing_of_it_stays(database: Path) -> None:
    steps: list[str] = []

    class Watched(sqlite3.Connection):
        def rollback(self) -> None:
            steps.append("rollback")
            super().rollback()

    @contextmanager
    def databases(connection: str) -> Iterator[Any]:
        steps.append(connection)
        with closing(sqlite3.connect(database, factory=Watched)) as opened:
            yield opened

    outside = Outside(databases=databases)

    assert weights(ask(sql(), outside, conn_type="duckdb")) == HALVES
    assert steps == ["dwh", "rollback"]
    with pytest.raises(BadAnswer, match="no such column"):
        ask(sql(QUERY.replace("symbol", "ticker")), outside, conn_type="duckdb")
    with pytest.raises(InvalidData, match="reached through Airflow"):
        ask(sql(), conn_type="snowflake")


@pytest.mark.parametrize("parts", [{"conn_type": "duckdb"}, {"conn_type": "postgres", "extra": {"iam": True}}])
def test_a_database_that_cannot_be_reached_is_waited_for(parts: dict[str, Any]) -> None:
    @contextmanager
    def databases(connection: str) -> Iterator[Any]:
        raise OSError("the network is unreachable")
        yield

    with pytest.raises(Unavailable, match="expected a connection, found OSError: the network is unreachable"):
        ask(sql(), Outside(databases=databases), **parts)


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_models.py").write_text(
        """
import datetime, decimal, os, subprocess, sys, time

def weights(request):
    print("a word for the log")
    return {"AAPL": 0.5, "KO": decimal.Decimal("-0.5")}

def rows(request):
    return [{"symbol": "AAPL", "weight": 0.5, "date": request.as_of_date},
            {"symbol": "KO", "weight": -0.5, "date": request.as_of_date}]

def frame(request):
    import pandas
    return pandas.DataFrame({"symbol": ["AAPL", "KO"], "weight": [0.5, -0.5]}).set_index("symbol")

def series(request):
    import pandas
    return pandas.Series({"AAPL": 0.5, "KO": -0.5})

def numbers(request):
    import numpy
    return {"AAPL": numpy.float64(0.5), "KO": numpy.float32(-0.5)}

def starts_another(request):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], close_fds=False)
    return weights(request)

def raises(request):
    raise LookupError("no model of " + str(request.as_of_date))

def dies(request):
    os._exit(4)

def hangs(request):
    time.sleep(600)

def text(request):
    return "AAPL"

def nothing(request):
    return None

def nan(request):
    return {"AAPL": float("nan")}

def deep(request):
    value = []
    for _ in range(300):
        value = [value]
    return [{"symbol": "AAPL", "weight": 0.5, "features": value}]

def objects(request):
    return {"AAPL": object()}

def other_day(request):
    return [{"symbol": "AAPL", "weight": 1, "date": request.session}]
"""
    )


# A busy machine takes its time to start a process.
MOMENT = 600


def python(name: str, **terms: Any) -> dict[str, Any]:
    return {"python": {"function": f"my_models:{name}", "timeout_seconds": MOMENT, **terms}}


def test_a_function_runs_in_a_process_of_its_own_that_ends_with_all_that_it_started(functions: None) -> None:
    assert weights(ask(python("starts_another"))) == HALVES


def in_this_process(name: str) -> Any:
    """Return what the function's process would say."""
    request = SignalRequest(symbols=(), as_of_date=DAY, session=SESSION)
    return json.loads(python_child.answer(python_child.call(f"my_models:{name}", request)))


@pytest.mark.parametrize("name", ["weights", "rows", "frame", "series", "numbers"])
def test_a_function_returns_rows_in_whatever_it_computes_in(functions: None, name: str) -> None:
    spec = made({"id": "own", "capital": 1000, "signals": python(name)}).signals
    assert isinstance(spec, PythonSignals)
    request = SignalRequest(symbols=(), as_of_date=DAY, session=SESSION)

    assert weights(answered_by_value("my_models", in_this_process(name)["rows"], spec, request)) == HALVES


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("text", "found str"),
        ("nothing", "found NoneType"),
        ("objects", "text, numbers and dates in the rows, found object"),
    ],
)
def test_a_function_that_returns_no_rows_is_told_what_was_expected(functions: None, name: str, told: str) -> None:
    assert told in in_this_process(name)["rubbish"]


@pytest.mark.parametrize(
    ("name", "error", "told"),
    [
        ("raises", Unavailable, "raised LookupError: no model of 2026-01-02"),
        ("dies", Unavailable, "ended with 4"),
        ("hangs", Unavailable, r"within 2 s \(timeout_seconds\), found none; its process was killed"),
        ("nan", BadAnswer, "finite number as the weight of AAPL"),
        ("deep", BadAnswer, "expected rows, found that it is nested more than 64 levels deep"),
        ("other_day", BadAnswer, "as_of_date 2026-01-02, found rows of 2026-01-05"),
    ],
)
def test_a_function_that_fails_or_returns_something_else_gives_no_signals(
    functions: None, name: str, error: type[TradingError], told: str
) -> None:
    with pytest.raises(error, match=told):
        ask(python(name, timeout_seconds=2 if name == "hangs" else MOMENT))
