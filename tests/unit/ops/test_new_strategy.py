"""`new-strategy` writes what the reader takes, and changes nothing otherwise."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from include.ops.main import main
from include.trading.strategy.file import load_strategies


def test_flags_and_defaults_make_a_new_file_with_one_strategy(tmp_path: Path) -> None:
    path = tmp_path / "strategies.yaml"

    assert main(["new-strategy", "--to", str(path), "--path", "/data/w.csv", "--dated", "fresh", "--defaults"], {}) == 0

    (strategy,) = load_strategies(path).strategies
    assert (strategy.id, strategy.mode, strategy.capital) == ("my_weights", "plan", Decimal(100000))
    assert "modified_within_hours: 20" in path.read_text()


def test_another_one_is_added_to_the_file_that_the_setting_names(tmp_path: Path) -> None:
    path = tmp_path / "strategies.yaml"
    environ = {"TRADING_STRATEGIES_FILE": str(path)}
    main(["new-strategy", "--path", "/data/w.csv"], environ)
    service = ["--id", "ranked", "--signals", "service", "--symbols", "ON,KO", "--top-n", "1", "--bottom-n", "1"]

    assert main(["new-strategy", *service, "--capital", "0.5", "--schedule", "null", "--venue", "mine"], environ) == 0

    first, ranked = load_strategies(path).strategies
    assert (first.id, ranked.symbols, ranked.schedule) == ("my_weights", ("ON", "KO"), None)
    assert ranked.equity is not None
    assert ranked.replay_capital == 100000


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "--path: expected the file"),
        (["--path", "w.csv"], "an absolute path"),
        (["--path", "/w.csv", "--capital", "lots"], "--capital: expected a number, found 'lots'"),
        (["--path", "/w.csv", "--dated", "yesterday"], "dated: expected"),
        (["--signals", "carrier_pigeon"], "--signals: expected file or service"),
        (["--path", "/w.csv", "--id", "my_weights"], "an id of its own"),
    ],
)
def test_what_cannot_be_is_refused_and_the_file_stays(
    flags: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "strategies.yaml"
    main(["new-strategy", "--to", str(path), "--path", "/data/w.csv"], {})
    before = path.read_text()

    assert main(["new-strategy", "--to", str(path), *flags], {}) == 2

    assert said in capsys.readouterr().err
    assert path.read_text() == before


def test_the_packages_own_file_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-strategy", "--path", "/data/w.csv"], {}) == 2

    assert "--to: expected the strategies file to write" in capsys.readouterr().err
