from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from include.trading.strategy.form import params_schema
from include.trading.strategy.spec import MODES, Strategy
from tests.support.planning import strategy

OWN = {"capital": {"own": {"start": 250000}}}
HALF = {"capital": {"equity": {"share": "0.5"}}, "max_position_size": {"capital": "0.125"}}
STRATEGIES = {
    "a number": strategy(mode="paper", capital="100000.50", max_position_size=2500),
    "a share of the number": strategy(mode="live", capital=80000, max_position_size={"capital": "0.25"}),
    "the whole capital": strategy(mode="plan", capital=80000, max_position_size={"capital": 1}),
    "equity": strategy(mode="dry_run", **HALF),
    "equity with a most": strategy(mode="paper", **HALF | {"capital": {"equity": {"share": 1, "at_most": 5000}}}),
    "an own book": strategy(mode="paper", **OWN, max_position_size={"capital": "0.1"}),
}


@pytest.mark.parametrize("one", STRATEGIES.values(), ids=list(STRATEGIES))
def test_every_param_that_may_stay_empty_says_what_applies_then(one: Strategy) -> None:
    for name, schema in params_schema(one).items():
        if schema["default"] is not None:
            continue
        named = schema.get("values_display", {}).get("null") or schema["description"]
        assert re.search("empty|as in the strategies file", named), name
        assert not re.search(r"null|None|the strategy's\b(?! holds)|\.00 ", named), name


@pytest.mark.parametrize(
    ("one", "capital", "size"),
    [
        (
            "a number",
            "at most 100,000.50 USD; empty: 100,000.50 USD",
            "at most 2,500 USD a symbol; empty: 2,500 USD",
        ),
        (
            "a share of the number",
            "at most 80,000 USD; empty: 80,000 USD",
            "USD a symbol, at most 25 % of the capital (20,000 USD); empty: as much as that",
        ),
        (
            "the whole capital",
            "at most 80,000 USD; empty: 80,000 USD",
            "USD a symbol, at most 100 % of the capital (80,000 USD); empty: as much as that",
        ),
        (
            "equity",
            "USD, at most 50 % of the account's equity; empty: as much as that",
            "USD a symbol, at most 12.5 % of the capital; empty: as much as that",
        ),
        (
            "equity with a most",
            "USD, at most 100 % of the account's equity, and 5,000 USD; empty: as much as that",
            "USD a symbol, at most 12.5 % of the capital (625 USD); empty: as much as that",
        ),
        (
            "an own book",
            "USD, at most what its own book is worth, which began with 250,000 USD; empty: all of it",
            "USD a symbol, at most 10 % of the capital; empty: as much as that",
        ),
    ],
)
def test_a_limit_in_the_form_has_its_number(one: str, capital: str, size: str) -> None:
    form = params_schema(STRATEGIES[one])

    assert form["capital"]["description"] == capital
    assert form["max_position_size"]["description"] == size


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_of_the_form_has_words_and_the_strategys_own_is_named(mode: str) -> None:
    chosen = params_schema(strategy(mode=mode))["mode"]

    words: dict[str, Any] = chosen["values_display"]
    assert [str(value or "null").lower() for value in chosen["enum"]] == list(words)
    assert words["null"] == f"as in the strategies file ({mode})"
    assert all(words[name].startswith(f"{name}: ") for name in chosen["enum"] if name)


def test_a_strategy_without_symbols_says_where_they_come_from() -> None:
    fixed, open_ = strategy(), strategy(symbols=[], signals={"file": {"path": "/x.csv", "dated": "column"}})

    assert params_schema(fixed)["symbols"]["description"] == "only these symbols are planned; empty: all 5"
    assert params_schema(open_)["symbols"]["description"].endswith("all that the signals name and the strategy holds")


def test_amounts_in_the_form_are_the_ones_that_the_run_compares_with() -> None:
    form = params_schema(STRATEGIES["a share of the number"])

    assert (form["capital"]["maximum"], form["max_position_size"]["maximum"]) == (80000, 20000)
    assert Decimal(str(form["capital"]["minimum"])) == Decimal("0.01")
