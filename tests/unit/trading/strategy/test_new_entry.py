"""Entries that are written for the user: valid, and never over what is there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.trading.errors import InvalidData
from include.trading.strategy.file import parsed
from include.trading.strategy.new_entry import entry_text, line_of_path, with_entry

FILE = Path("strategies.yaml")


def settings(id: str = "mine", path: str = "/data/my weights: v2 #1.csv", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "mode": "paper",
        "signals": {"file": {"path": path, "dated": {"modified_within_hours": 20}}},
        "capital": {"equity": {"share": Decimal("0.95")}},
        "replay_capital": 100000,
        **changes,
    }


def test_an_entry_is_read_as_it_was_meant() -> None:
    (strategy,) = parsed(FILE, with_entry(FILE, None, settings(title="yes"))).strategies

    assert strategy.model_dump(mode="json")["signals"]["file"]["path"] == "/data/my weights: v2 #1.csv"
    assert (strategy.mode, strategy.title) == ("paper", "yes")
    assert strategy.equity is not None
    assert strategy.equity.share == Decimal("0.95")


def test_an_entry_is_added_at_the_end_and_the_rest_stays_word_for_word() -> None:
    before = with_entry(FILE, None, settings()) + "  # a remark\n"

    after = with_entry(FILE, before, settings("other", venue="another"))

    assert after.startswith(before)
    assert [strategy.id for strategy in parsed(FILE, after).strategies] == ["mine", "other"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "mine"}, "id: expected an id of its own"),
        ({"id": "Mine"}, "id: expected text of the form"),
        ({"path": "weights.csv"}, "an absolute path"),
        ({"mode": "papre"}, "mode: expected"),
    ],
)
def test_an_entry_that_would_not_be_valid_is_refused_with_the_reason(changes: dict[str, Any], said: str) -> None:
    before = with_entry(FILE, None, settings())

    with pytest.raises(InvalidData, match=said):
        with_entry(FILE, before, settings(**{"id": "other", "venue": "another", **changes}))


def test_a_file_that_does_not_end_with_its_strategies_is_not_guessed_at() -> None:
    with pytest.raises(InvalidData):
        with_entry(FILE, "strategies: []\n", settings())


def test_the_line_that_names_a_strategys_file_is_found() -> None:
    text = with_entry(FILE, with_entry(FILE, None, settings()), settings("other", venue="another"))

    assert 'path: "/data' in text.splitlines()[line_of_path(text, "other") - 1]
    assert line_of_path(text, "mine") < line_of_path(text, "other")


def test_words_that_yaml_takes_for_others_are_quoted() -> None:
    assert entry_text({"symbols": ["ON", "NO", "AAPL", "1X"]}) == '  - symbols: ["ON", "NO", AAPL, "1X"]\n'
