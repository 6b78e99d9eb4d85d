"""Writes docs/strategies.schema.json, for editors, from the models: python -m include.trading.strategy.json_schema"""

from __future__ import annotations

import json
from typing import Any

from include.trading.strategy.later import LATER
from include.trading.strategy.spec import Strategy

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """Return the schema of a strategies file, without what is not yet supported.

    It takes a little more than the reader does: it cannot compare keys with each other, nor entries.
    """
    strategy = _untitled(Strategy.model_json_schema())
    definitions = strategy.pop("$defs", {})
    for path in LATER:
        strategy = _without(strategy, path, definitions) or strategy
    text = json.dumps([strategy, definitions])
    return {
        "$schema": DRAFT,
        "title": "Strategies file",
        "type": "object",
        "properties": {"strategies": {"type": "array", "items": strategy}},
        "required": ["strategies"],
        "additionalProperties": False,
        "$defs": {name: each for name, each in definitions.items() if f'"#/$defs/{name}"' in text},
    }


def _untitled(node: Any) -> Any:
    """Leave out the titles that pydantic makes of names, and defaults that are not as the file has them."""
    if isinstance(node, dict):
        return {
            key: _untitled(value)
            for key, value in node.items()
            # A property that is called title is no text.
            if not (key == "title" and isinstance(value, str)) and not (key == "default" and isinstance(value, dict))
        }
    return [_untitled(value) for value in node] if isinstance(node, list) else node


def _without(node: dict[str, Any], path: tuple[str, ...], definitions: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema without the key or word at the path; None when it describes nothing else."""
    first, *rest = path
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        definitions[name] = _without(definitions[name], path, definitions) or {}
        return node
    if "anyOf" in node:
        left = [found for option in node["anyOf"] if (found := _without(option, path, definitions)) is not None]
        return {**node, "anyOf": left}
    properties = dict(node.get("properties", {}))
    if rest:
        if first in properties:
            properties[first] = _without(properties[first], tuple(rest), definitions) or {}
            return {**node, "properties": properties}
        return node
    if node.get("const") == first or first in node.get("required", ()):
        return None
    if "enum" in node:
        return {**node, "enum": [word for word in node["enum"] if word != first]}
    properties.pop(first, None)
    return {**node, "properties": properties} if "properties" in node else node


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
