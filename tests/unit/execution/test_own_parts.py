"""Functions of a strategy's own are imported by their names, and the example in the documents works."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from include.execution.own_parts import function_named, own_parts
from include.execution.preflight.finding import about
from include.execution.preflight.strategies import check_own_parts
from include.execution.whatif.preview import preview
from include.trading.errors import InvalidData
from include.trading.models import SignalSet
from include.trading.plan.planning import make_plan
from include.trading.strategy.file import load_strategies
from tests.support.planning import NOW, inputs, prices, quantities, signals, strategy, traded

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
OWN = {"sizing": {"own": {"function": "own_parts:equal_amounts"}}, "rules": ["own_parts:no_tuesdays"]}
BROKEN = {"sizing": {"own": {"function": "nowhere:weights"}}, "rules": ["nowhere:rule"]}


@pytest.fixture
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(EXAMPLES)
    yield
    sys.modules.pop("own_parts", None)


@pytest.mark.usefixtures("examples")
def test_the_example_sizes_every_signal_alike_and_rests_on_tuesdays() -> None:
    named = strategy(**OWN, max_position_size=30_000)
    given = inputs(
        strategy=named,
        signals=signals(AAPL="0.9", MSFT="-0.1", AMZN="0"),
        prices=prices(AAPL=100, MSFT=300, AMZN=60),
        held=quantities(AMZN=7),
        own=own_parts(named),
    )

    monday, tuesday = given, given.model_copy(update={"now": NOW + timedelta(days=1)})
    assert traded(make_plan(monday)) == [("AMZN", 1, "sell", 7), ("AAPL", 1, "buy", 300), ("MSFT", 1, "sell", 100)]
    assert traded(make_plan(tuesday)) == [("AMZN", 1, "sell", 7)]


@pytest.mark.usefixtures("examples")
def test_a_preview_uses_the_strategys_own_functions() -> None:
    found = SignalSet(
        signals=signals(AAPL="0.9", MSFT="-0.1"), as_of_date=NOW.date(), model_version="1", strategy="test"
    )
    priced = prices(AAPL=100, MSFT=100)

    plan = preview(
        None,
        strategy(**OWN),
        found,
        lambda symbols: ({symbol: priced.get(symbol, "missing") for symbol in symbols}, priced),
        market=None,
        account="a",
        ids_from_content=False,
        least_fraction_usd=None,
        now=NOW,
    )

    assert traded(plan) == [("AAPL", 1, "buy", 500), ("MSFT", 1, "sell", 500)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere.at_all:weights", "ModuleNotFoundError: No module named 'nowhere'"),
        ("decimal:weights", "AttributeError: module 'decimal' has no attribute 'weights'"),
        ("decimal:ROUND_UP", "expected a function, found str"),
        ("broken_module:weights", "ZeroDivisionError"),
        ("no_python:weights", "SyntaxError"),
    ],
)
def test_a_function_that_cannot_be_imported_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    (tmp_path / "no_python.py").write_text("def (\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidData) as refused:
        function_named(name)

    assert str(refused.value).startswith(f"{name}: expected a function")
    assert told in str(refused.value)
    assert "PYTHONPATH" in str(refused.value)


def test_a_rule_that_cannot_be_imported_denies_increases_and_lets_reductions_go() -> None:
    named = strategy(rules=["nowhere:rule"])
    plan = make_plan(
        inputs(
            strategy=named,
            signals=signals(AAPL="0.5", MSFT="0"),
            prices=prices(AAPL=100, MSFT=50),
            held=quantities(MSFT=10),
            own=own_parts(named),
        )
    )

    assert traded(plan) == [("MSFT", 1, "sell", 10)]


def test_without_its_sizing_a_strategy_can_only_flatten() -> None:
    with pytest.raises(InvalidData, match="nowhere:weights: expected a function"):
        own_parts(strategy(**BROKEN))

    named = strategy(**BROKEN)
    plan = make_plan(
        inputs(
            strategy=named,
            prices=prices(AAPL=100),
            held=quantities(AAPL=Decimal(3)),
            flatten=True,
            own=own_parts(named, flatten=True),
        )
    )
    assert traded(plan) == [("AAPL", 1, "sell", 3)]


@pytest.mark.usefixtures("examples")
def test_check_imports_them_and_says_what_would_stop_the_run() -> None:
    well = list(check_own_parts(strategy(**OWN), about("s")))
    ill = list(check_own_parts(strategy(**BROKEN), about("s")))

    assert [(finding.name, finding.value, finding.next_step) for finding in well] == [
        ("own sizing", "own_parts:equal_amounts", None),
        ("own rule", "own_parts:no_tuesdays", None),
    ]
    assert [(finding.name, finding.next_step) for finding in ill] == [
        ("own sizing", "correct it: until then no plan is made, but to flatten"),
        ("own rule", "correct it: until then every increase is denied"),
    ]


def test_reading_the_file_imports_none_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "strategies.yaml"
    path.write_text(
        "strategies: [{id: a, symbols: [A], signals: {service: {top_n: 1, bottom_n: 0}}, capital: 1, "
        'sizing: {own: {function: "broken_module:weights"}}, rules: ["broken_module:rule"]}]',
        encoding="utf-8",
    )

    assert load_strategies(path).problems == ()
    assert "broken_module" not in sys.modules
