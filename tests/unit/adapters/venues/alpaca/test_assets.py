"""What Alpaca says of a symbol, and what counts as not being said."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from include.adapters.http.answers import Answer
from include.adapters.venues.alpaca.assets import asset_facts, is_unknown_asset

ROW: dict[str, Any] = {
    "symbol": "AAPL",
    "status": "active",
    "tradable": True,
    "shortable": True,
    "easy_to_borrow": True,
    "borrow_status": "easy_to_borrow",
    "fractionable": True,
}


def test_a_symbol_that_everything_may_be_done_with() -> None:
    facts = asset_facts(ROW)

    assert (facts.symbol, facts.tradable, facts.shortable, facts.fractionable) == ("AAPL", True, True, True)


@pytest.mark.parametrize(
    ("said", "denied"),
    [
        ({"tradable": False}, "tradable"),
        ({"status": "inactive"}, "tradable"),
        ({"shortable": False}, "shortable"),
        ({"easy_to_borrow": False}, "shortable"),
        ({"fractionable": False}, "fractionable"),
    ],
)
def test_each_word_denies_its_own_and_nothing_else(said: dict[str, Any], denied: str) -> None:
    facts = asset_facts(ROW | said)

    assert [name for name in ("tradable", "shortable", "fractionable") if not getattr(facts, name)] == [denied]


@pytest.mark.parametrize(("status", "shortable"), [("easy_to_borrow", True), ("hard_to_borrow", False), (None, False)])
def test_without_the_old_word_the_new_one_says_whether_it_is_easy_to_borrow(status: Any, shortable: bool) -> None:
    row = {name: value for name, value in ROW.items() if name != "easy_to_borrow"} | {"borrow_status": status}

    assert asset_facts(row).shortable is shortable


@pytest.mark.parametrize("said", [{"tradable": "yes"}, {"fractionable": None}, {"status": 1}, {"symbol": "no symbol"}])
def test_a_word_of_another_kind_is_no_answer(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(said))):
        asset_facts(ROW | said)


@pytest.mark.parametrize(
    ("status", "body", "unknown"),
    [
        (404, {"code": 40410000, "message": "asset not found for XYZ"}, True),
        (404, {"code": 40410001, "message": "another thing"}, False),
        (404, {"message": "endpoint not found."}, False),
        (404, {"code": 40410000}, False),
        (410, {"code": 40410000, "message": "gone"}, False),
    ],
)
def test_only_alpacas_own_404_says_that_there_is_no_such_asset(status: int, body: Any, unknown: bool) -> None:
    said = Answer("alpaca: GET /v2/assets/XYZ", status, httpx.Headers(), json.dumps(body).encode())

    assert is_unknown_asset(said) is unknown
