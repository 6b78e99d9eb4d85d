"""The recipes of docs/recipes: each entry is read, and each file by its entry."""

from __future__ import annotations

import hashlib
import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.signals.registry import open_signals
from include.trading.ports import SignalRequest
from include.trading.strategy.file import load_strategies
from include.trading.strategy.spec import Strategy

RECIPES = Path(__file__).parents[4] / "docs" / "recipes"
NAMES = {path.stem for path in RECIPES.glob("*.md")} - {"README"}
AS_OF, SESSION = date(2026, 1, 2), date(2026, 1, 5)
WEIGHTS = {
    "pyportfolioopt": {"AAPL": "0.4213", "MSFT": "0.3787", "KO": "0.2", "XOM": "0"},
    "skfolio": {"AAPL": "0.25", "MSFT": "0.35", "KO": "0.4"},
    "qlib": {"AAPL": "0.5", "MSFT": "0.5", "KO": "0", "XOM": "-1"},
    "mlflow": {"AAPL": "1", "MSFT": "0", "KO": "-1"},
    "notebook": {"AAPL": "0.5", "MSFT": "0.3", "KO": "-0.2"},
}


def block(name: str, language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", (RECIPES / f"{name}.md").read_text(), re.DOTALL)
    return str(found)


@pytest.fixture(params=sorted(NAMES))
def recipe(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_list_names_every_recipe() -> None:
    assert set(re.findall(r"\[(\w+)\.md\]\(\1\.md\)", (RECIPES / "README.md").read_text())) == NAMES == WEIGHTS.keys()


def test_its_lines_of_python_are_python(recipe: str) -> None:
    compile(block(recipe, "python"), recipe, "exec")


def test_its_entry_reads_its_file(recipe: str, tmp_path: Path) -> None:
    # Copied, so that it was written a moment ago.
    shutil.copytree(RECIPES / "files", tmp_path / "data", copy_function=shutil.copyfile)
    strategy = entry_of(recipe, tmp_path)
    (file,) = (tmp_path / "data" / recipe).iterdir()
    event = {"url": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "session": str(SESSION)}
    ask = SignalRequest(symbols=(), as_of_date=AS_OF, session=SESSION, event=event)

    with open_signals(strategy, ConnectionParts) as source:
        found = source.signals(ask)

    assert {signal.symbol: f"{signal.target_weight.normalize():f}" for signal in found.signals} == WEIGHTS[recipe]


def entry_of(recipe: str, folder: Path) -> Strategy:
    path = folder / "strategies.yaml"
    path.write_text(block(recipe, "yaml").replace("/data/", f"{folder}/data/"))
    file = load_strategies(path)
    assert file.problems == ()
    return file.strategies[0]
