"""What an entry may say of where its signals come from, and the one sentence for what it may not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.trading.strategy.file import StrategyFile, load_strategies
from include.trading.strategy.form import params_schema
from include.trading.strategy.narrowing import narrowed
from include.trading.strategy.request import RunRequest
from include.trading.strategy.signals_spec import SIGNALS, FileSignals, SqlSignals
from include.trading.strategy.spec import Strategy

AS_OF, SESSION = date(2026, 1, 2), date(2026, 1, 5)
FILE = {"file": {"path": "/w/{as_of_date}.csv", "dated": "name"}}


def read(tmp_path: Path, *signals: Any, **changes: Any) -> StrategyFile:
    entries = [{"id": f"own{place}", "signals": each, "capital": 1000} | changes for place, each in enumerate(signals)]
    path = tmp_path / "strategies.yaml"
    path.write_text(yaml.safe_dump({"strategies": entries}))
    return load_strategies(path)


@pytest.mark.parametrize(
    "signals",
    [
        FILE,
        {"file": {"path": "s3://quant/{session:%Y%m%d}.parquet", "connection": "aws", "dated": "name"}},
        {"file": {"path": "/w.csv", "dated": {"modified_within_hours": 20}, "top_n": 2, "bottom_n": 0}},
        {"file": {"path": "/w.csv", "dated": "standing", "complete": False, "max_vanished": 1}},
        {"file": {"path": "/w.csv", "dated": "event"}},
        {"file": {"path": "/w.csv", "dates_are": "session"}},
        {"sql": {"connection": "dwh", "query": "SELECT symbol, weight FROM carry WHERE day = %(as_of_date)s"}},
        {"sql": {"connection": "dwh", "query": "with a as (select 1) select * from a;", "dated": "standing"}},
        {"sql": {"connection": "dwh", "query": "-- all\nSELECT ';' FROM \"update\" /* ; */", "dated": "column"}},
        {"python": {"function": "my_models.value:weights", "timeout_seconds": 5}},
        {"event": {"under": "s3://quant/scores/"}},
    ],
)
def test_a_source_is_read_and_kept_as_it_is_written(tmp_path: Path, signals: Any) -> None:
    file = read(tmp_path, signals)

    assert file.problems == ()
    (strategy,) = file.strategies
    assert Strategy.model_validate(strategy.model_dump(mode="json")) == strategy
    ((word, terms),) = signals.items()
    written = strategy.model_dump(mode="json")["signals"][word]
    assert {name: written[name] for name in ("dates_are", "complete") if name in terms} == {
        name: terms[name] for name in ("dates_are", "complete") if name in terms
    }


@pytest.mark.parametrize(
    ("signals", "told"),
    [
        ({"file": {"path": "w.csv"}}, "an absolute path"),
        ({"file": {"path": "/w/{day}.csv"}}, "no braces but"),
        ({"file": {"path": "/w.csv", "dated": "name"}}, "says that it names the day"),
        ({"file": {"path": "/w.csv", "dated": "today"}}, "column or name or event or standing"),
        ({"file": {"path": "/w.csv", "dated": {"modified_within_hours": 0}}}, "greater than 0"),
        ({"file": {"path": "/w.csv", "max_vanished": 2}}, "less than or equal to 1"),
        ({"file": {"path": "/w.csv", "rows": 2}}, "no such key"),
        ("file", "a value"),
        ({"sql": {"connection": "dwh", "query": "SELECT 1"}}, "says that it names the day"),
        ({"sql": {"connection": "dwh", "query": "DELETE FROM carry"}}, "begins with SELECT or WITH"),
        ({"sql": {"connection": "dwh", "query": "SELECT 1; DROP TABLE carry"}}, "without DROP"),
        ({"sql": {"connection": "dwh", "query": "SELECT 1; SELECT 2"}}, "without a semicolon"),
        ({"sql": {"connection": "dwh", "query": "WITH a AS (DELETE FROM b RETURNING 1) SELECT 1"}}, "without DELETE"),
        ({"sql": {"connection": "dwh", "query": "SELECT * INTO b FROM a"}}, "without INTO"),
        ({"sql": {"connection": "dwh", "query": "SELECT '%' || %(as_of_date)s"}}, "no percent sign"),
        ({"sql": {"connection": "dwh", "query": "SELECT %(day)s"}}, "no percent sign"),
        ({"python": {"function": "my_models"}}, "a module and a function"),
        ({"python": {"function": "a:b", "timeout_seconds": 0}}, "greater than 0"),
        ({"python": {"function": "a:b", "dated": "standing"}}, "column or name"),
        ({"event": {}}, "a value"),
        ({"event": {"under": "s3://quant/scores"}}, "ends with a slash"),
        ({"event": {"under": "/"}}, "ends with a slash"),
        ({"event": {"under": "/a/../b/"}}, "ends with a slash"),
    ],
)
def test_what_no_source_can_be_is_refused_in_one_sentence(tmp_path: Path, signals: Any, told: str) -> None:
    (problem,) = read(tmp_path, signals).problems

    assert told in problem.problem.expected
    assert "\n" not in str(problem)


def test_the_example_has_a_strategy_for_each_source() -> None:
    file = load_strategies(Path(__file__).parents[4] / "docs" / "examples" / "strategies" / "sources.yaml")

    assert file.problems == ()
    assert [strategy.signals.word for strategy in file.strategies] == list(SIGNALS)


def test_the_days_stand_where_the_path_and_the_query_name_them() -> None:
    file = FileSignals(path="/w/{session:%Y%m%d}/{as_of_date}.csv")
    sql = SqlSignals(connection="dwh", query="SELECT '100 %%' FROM a WHERE b = %(as_of_date)s AND c < %(session)s")

    assert file.at(AS_OF, SESSION) == "/w/20260105/2026-01-02.csv"
    assert sql.at(AS_OF, SESSION) == "SELECT '100 %' FROM a WHERE b = '2026-01-02' AND c < '2026-01-05'"


def test_a_strategy_that_trades_whatever_its_signals_name_has_its_venue_alone(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, FILE, FILE).problems
    assert (problem.entry, problem.problem.field) == ("own1", "symbols")

    file = read(tmp_path, FILE, FILE, symbols=["AAPL"])
    assert [str(problem.problem.field) for problem in file.problems] == ["symbols"]


def test_a_run_may_be_narrowed_to_any_symbol_where_the_strategy_names_none(tmp_path: Path) -> None:
    (strategy,) = read(tmp_path, FILE).strategies

    assert narrowed(strategy, RunRequest(symbols=("AAPL",))).symbols == ()
    assert params_schema(strategy)["symbols"]["items"] == {"type": "string", "pattern": "^[A-Z][A-Z0-9.-]{0,14}$"}
