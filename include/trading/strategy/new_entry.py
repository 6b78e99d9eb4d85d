"""Writes an entry of the strategies file, and adds it to a file without touching what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from include.trading.errors import InvalidData
from include.trading.strategy.file import StrategyFile, parsed

HEAD: Final = """# The strategies that are traded: one DAG each. docs/strategies.md lists all keys.

strategies:
"""
# YAML takes other words for truth values, numbers or nothing.
_PLAIN: Final = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z_/][A-Za-z0-9_./]*", re.IGNORECASE)


def entry_text(settings: Mapping[str, Any]) -> str:
    """Return an entry with the settings in their order, one a line."""
    lines = [f"{key}: {_flow(value)}" for key, value in settings.items()]
    return "\n".join(f"  {'- ' if place == 0 else '  '}{line}" for place, line in enumerate(lines)) + "\n"


def with_entry(path: Path, before: str | None, settings: Mapping[str, Any]) -> str:
    """Return the text of the file with the entry at its end; before: what the file has, None where there is none.

    Raises InvalidData, naming what is wrong, where the entry would not be valid, or would make another so.
    """
    text = (HEAD if before is None else before.rstrip("\n") + "\n\n") + entry_text(settings)
    found = parsed(path, text)
    kept = StrategyFile(strategies=(), problems=()) if before is None else parsed(path, before)
    if found.strategies[:-1] != kept.strategies or len(found.strategies) != len(kept.strategies) + 1:
        problems = [str(problem) for problem in found.problems if problem not in kept.problems]
        raise InvalidData("; ".join(problems) or f"{path}: expected `strategies` as its last key, found another one")
    return text


def line_of_path(text: str, entry: str) -> int:
    """Return the number of the line that names a strategy's file, 1 where there is none."""
    lines = text.splitlines()
    start = next((place for place, line in enumerate(lines) if re.search(rf"\bid: *{entry}\b", line)), 0)
    return next((place + 1 for place, line in enumerate(lines[start:], start) if "path:" in line), 1)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
