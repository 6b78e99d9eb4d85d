"""The page of all keys and the JSON Schema are generated; here is what keeps them so, and what the schema takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from include.trading.strategy.json_schema import json_schema
from include.trading.strategy.keys_table import keys_table
from include.trading.strategy.later import LATER
from tests.unit.trading.strategy.test_later import entry_with
from tests.unit.trading.strategy.test_old_keys import KEPT, NEW

ROOT = Path(__file__).parents[4]
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def test_the_page_is_what_the_models_say() -> None:
    assert (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8") == keys_table()


def test_the_schema_is_what_the_models_say() -> None:
    assert json.loads((ROOT / "docs" / "strategies.schema.json").read_text(encoding="utf-8")) == json_schema()


def test_the_page_has_the_example_as_it_is_tested() -> None:
    example = (ROOT / "docs" / "examples" / "strategies" / "adr.yaml").read_text(encoding="utf-8")

    assert f"```yaml\n{example}```" in keys_table()


@pytest.mark.parametrize(
    "path",
    ["include/config/strategies.yaml", "include/config/demo_strategies.yaml", "docs/examples/strategies/adr.yaml"],
)
def test_the_schema_takes_the_files_that_are_read(path: str) -> None:
    SCHEMA.validate(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"sizing": {"own": {"function": "my_models.sizing:weights"}}},
        {"max_position_size": {"capital": 0.1}},
        {"prices": "alpaca"},
        {"no_trade_band": {"drift": 0.04}},
        {"no_trade_band": {"drift": "0.04", "of": "position", "scope": "book"}},
        {"limits": {"order_shares": "off"}, "orders": {"style": "market"}},
    ],
)
def test_the_schema_takes_what_the_reader_takes(change: dict[str, Any]) -> None:
    SCHEMA.validate({"strategies": [NEW | change]})


@pytest.mark.parametrize(
    "change",
    [
        {"max_position_size": {"capital": {"share": 0.1}}},
        {"max_position_size": {"capital": 2}},
        {"no_trade_band": {"of": "position"}},
        {"no_trade_band": {"drift": 1}},
        {"no_trade_band": {"drift": 0.04, "scope": "account"}},
        {"sizing": "own"},
        {"sizing": {"own": {"function": "weights"}}},
        {"signals": "service"},
        {"capitl": 1},
        *({key: KEPT[key]} for key in ("top_n", "gateway_connection", "send_minutes")),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid({"strategies": [NEW | change]})


@pytest.mark.parametrize("path", LATER, ids=".".join)
def test_the_schema_refuses_what_is_not_yet_supported(path: tuple[str, ...]) -> None:
    assert not SCHEMA.is_valid({"strategies": [entry_with(path)]})


def test_the_schema_refuses_words_that_are_not_yet_supported() -> None:
    assert not SCHEMA.is_valid({"strategies": [NEW | {"orders": {"reductions_first": "auto"}}]})
    assert SCHEMA.is_valid({"strategies": [NEW | {"capital": {"equity": {"share": 0.5}}}]})
