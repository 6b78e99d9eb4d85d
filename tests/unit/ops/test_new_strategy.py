"""`new-strategy` writes what the reader takes, and changes nothing otherwise."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.ops.main import main
from include.trading.strategy.file import load_strategies

QUERY = "SELECT symbol, weight FROM carry WHERE day = %(as_of_date)s AND name LIKE 'a%%'"
FILE = ["--signals", "file", "--path", "/data/{as_of_date:%Y%m%d}.csv"]
SQL = ["--signals", "sql", "--connection", "warehouse", "--query", QUERY]
PYTHON = ["--signals", "python", "--function", "my_models.value:weights"]
EVENT = ["--signals", "event", "--under", "s3://quant/scores/", "--connection", "aws", "--assets", "scores, risk"]
SERVICE = ["--signals", "service", "--symbols", "ON,KO,GE,HD"]
RANKED = ["--top-n", "1", "--bottom-n", "0"]


class Terminal(io.StringIO):
    """A terminal at which these lines are typed."""

    def isatty(self) -> bool:
        return True


def written(path: Path) -> dict[str, Any]:
    """Return the one strategy of a file, as it is read back."""
    found = load_strategies(path)
    assert found.problems == ()
    (strategy,) = found.strategies
    return strategy.model_dump(mode="json")


@pytest.mark.parametrize(
    ("flags", "signals"),
    [
        (FILE, {"file": {"path": "/data/{as_of_date:%Y%m%d}.csv", "dated": "column"}}),
        ([*FILE, "--dated", "name"], {"file": {"path": "/data/{as_of_date:%Y%m%d}.csv", "dated": "name"}}),
        ([*FILE, "--dated", "standing", *RANKED], {"file": {"dated": "standing", "top_n": 1, "bottom_n": 0}}),
        ([*FILE, "--dated", "fresh"], {"file": {"dated": {"modified_within_hours": "20"}}}),
        ([*FILE, "--connection", "aws"], {"file": {"connection": "aws"}}),
        (SQL, {"sql": {"connection": "warehouse", "query": QUERY, "dated": "name"}}),
        ([*SQL, "--dated", "column", *RANKED], {"sql": {"dated": "column", "top_n": 1, "bottom_n": 0}}),
        (PYTHON, {"python": {"function": "my_models.value:weights", "dated": "name"}}),
        ([*PYTHON, "--dated", "column"], {"python": {"dated": "column"}}),
        (EVENT, {"event": {"under": "s3://quant/scores/", "connection": "aws", "dated": "event"}}),
        ([*EVENT, "--dated", "column", *RANKED], {"event": {"dated": "column", "top_n": 1, "bottom_n": 0}}),
        (SERVICE, {"service": {"connection": "signal_service", "top_n": 2, "bottom_n": 2}}),
        ([*SERVICE, "--connection", "mine"], {"service": {"connection": "mine"}}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_entry_of_each_source_is_read_back_as_it_was_asked_for(
    flags: list[str], signals: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "strategies.yaml"

    assert main(["new-strategy", "--to", str(path), *flags, "--defaults"], {}) == 0

    found = written(path)
    assert (found["id"], found["mode"], Decimal(found["capital"])) == ("my_weights", "plan", 100000)
    ((word, settings),) = signals.items()
    assert {name: found["signals"][word][name] for name in settings} == settings
    assert found["symbols"] == (["ON", "KO", "GE", "HD"] if word == "service" else [])


@pytest.mark.parametrize(
    ("flags", "schedule"),
    [
        ([], {"at": "session", "assets": ["scores", "risk"], "deadline": "session+60"}),
        (
            ["--schedule", "session+15", "--deadline", "session+30"],
            {"at": "session+15", "assets": ["scores", "risk"], "deadline": "session+30"},
        ),
        (["--schedule", "null"], {"at": None, "assets": ["scores", "risk"], "deadline": None}),
        (
            ["--schedule", "null", "--deadline", "session+30"],
            {"at": None, "assets": ["scores", "risk"], "deadline": "session+30"},
        ),
    ],
)
def test_a_strategy_of_events_runs_when_its_assets_are_there(
    flags: list[str], schedule: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "strategies.yaml"

    assert main(["new-strategy", "--to", str(path), *EVENT, *flags, "--defaults"], {}) == 0

    assert written(path)["schedule"] == schedule


@pytest.mark.parametrize(
    ("typed", "signals", "schedule"),
    [
        (["", "mine", "/data/w.csv", "", "fresh"], "file", "session"),
        (["sql", "mine", "SELECT symbol, weight FROM carry WHERE day = %(as_of_date)s", "warehouse"], "sql", "session"),
        (["python", "mine", "my_models.value:weights"], "python", "session"),
        (["event", "mine", "/data/", "", "", "", "", "", "", "", "", "null", "scores"], "event", None),
        (["service", "mine", "", "AAPL KO", "1", "1"], "service", "session"),
    ],
)
def test_at_a_terminal_each_source_is_asked_for_what_it_needs(
    typed: list[str], signals: str, schedule: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "strategies.yaml"
    monkeypatch.setattr(sys, "stdin", Terminal("\n".join([*typed, *[""] * 20])))

    assert main(["new-strategy", "--to", str(path)], {}) == 0

    found = written(path)
    assert found["id"] == "mine"
    assert list(found["signals"]) == [signals]
    assert (found["schedule"]["at"] if signals == "event" else found["schedule"]) == schedule


def test_what_a_flag_says_is_not_asked_and_an_input_that_ends_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strategies.yaml"
    monkeypatch.setattr(sys, "stdin", Terminal("mine\n"))

    assert main(["new-strategy", "--to", str(path), *PYTHON, "--dated", "name"], {}) == 2

    assert "--symbols: expected an answer, the input ended" in capsys.readouterr().err
    assert not path.exists()


def test_another_one_is_added_to_the_file_that_the_setting_names(tmp_path: Path) -> None:
    path = tmp_path / "strategies.yaml"
    environ = {"TRADING_STRATEGIES_FILE": str(path)}
    main(["new-strategy", *FILE, "--defaults"], environ)
    service = ["--id", "ranked", *SERVICE, "--top-n", "1", "--bottom-n", "1"]
    flags = ["--capital", "0.5", "--schedule", "null", "--venue", "mine", "--mode", "paper"]

    assert main(["new-strategy", *service, *flags], environ) == 0

    first, ranked = load_strategies(path).strategies
    assert (first.id, ranked.symbols, ranked.schedule) == ("my_weights", ("ON", "KO", "GE", "HD"), None)
    assert ranked.equity is not None
    assert ranked.replay_capital == 100000


@pytest.mark.parametrize(
    ("flags", "missing"),
    [
        ([], "--signals, --id, --path, --dated, --venue, --mode, --capital, --schedule"),
        (SQL, "--id, --dated, --venue, --mode, --capital, --schedule"),
        (SERVICE[:2], "--id, --symbols, --top-n, --bottom-n, --venue, --mode, --capital, --schedule"),
        (EVENT[:4], "--id, --dated, --venue, --mode, --capital, --schedule, --assets, --deadline"),
        ([*EVENT, "--schedule", "null"], "--id, --dated, --venue, --mode, --capital"),
    ],
)
def test_without_a_terminal_the_missing_flags_are_named_in_one_sentence(
    flags: list[str], missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strategies.yaml"

    assert main(["new-strategy", "--to", str(path), *flags], {}) == 2

    said = capsys.readouterr().err
    assert f"expected a terminal to ask at, or the flags {missing}; --defaults takes" in said
    assert said.count("\n") == 1
    assert not path.exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--path: expected the file"),
        (["--signals", "sql"], "--query: expected one SELECT"),
        ([*SQL[:2], *SQL[4:]], "--connection: expected the Airflow connection"),
        (["--signals", "python"], "--function: expected the function"),
        (["--signals", "event"], "--under: expected the folder"),
        (EVENT[:4], "--assets: expected the Airflow assets"),
        (["--signals", "service"], "--symbols: expected its symbols"),
        (["--path", "w.csv"], "an absolute path"),
        ([*SQL[:5], "DELETE FROM carry"], "begins with SELECT"),
        (["--signals", "python", "--function", "value"], "function: expected"),
        (["--signals", "event", "--under", "/data", "--assets", "scores"], "ends with a slash"),
        ([*PYTHON, "--dated", "standing"], "dated: expected"),
        (["--path", "/w.csv", "--capital", "lots"], "--capital: expected a number, found 'lots'"),
        (["--path", "/w.csv", "--top-n", "2.5"], "--top-n: expected a whole number, found '2.5'"),
        (["--path", "/w.csv", "--top-n", "1e999999"], "--top-n: expected a number, found '1e999999'"),
        (["--path", "/w.csv", "--capital", "1e999999"], "--capital: expected a number, found '1e999999'"),
        (["--path", "/w.csv", "--dated", "yesterday"], "dated: expected"),
        (["--signals", "carrier_pigeon"], "--signals: expected file, sql, python, event, service"),
        ([*FILE, "--query", QUERY], "--query: expected no such flag, because signals of file do not have it"),
        ([*PYTHON, "--assets", "scores"], "--assets: expected no such flag"),
        (["--path", "/w.csv", "--id", "my_weights"], "an id of its own"),
    ],
)
def test_what_cannot_be_is_refused_and_the_file_stays(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strategies.yaml"
    main(["new-strategy", "--to", str(path), "--path", "/data/w.csv", "--defaults"], {})
    before = path.read_text()

    assert main(["new-strategy", "--to", str(path), *flags, "--defaults"], {}) == 2

    assert said in capsys.readouterr().err
    assert path.read_text() == before


def test_the_packages_own_file_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-strategy", "--path", "/data/w.csv", "--defaults"], {}) == 2

    assert "--to: expected the strategies file to write" in capsys.readouterr().err
