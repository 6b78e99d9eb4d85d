"""How deep a value from outside is nested: what compares, stores and shows it goes down level by level."""

from __future__ import annotations

from typing import Any, Final

# Deeper than any answer or table; recursion and PostgreSQL's JSONB end somewhere above.
MAX_DEPTH: Final = 64
TOO_DEEP: Final = f"it is nested more than {MAX_DEPTH} levels deep"


def is_too_deep(value: Any) -> bool:
    """Say whether lists and objects are nested in the value more than so many levels deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list | tuple)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return bool(level)
