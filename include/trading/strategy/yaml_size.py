"""How much a YAML document stands for, counted before it is made: a few aliases can stand for a billion values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

MAX_DEPTH = 20
MAX_VALUES = 100_000
# Longer ones no field takes, and a whole number of so many digits could not even be shown.
MAX_CHARACTERS = 1000

TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
# Newer parsers have a limit of their own, and reach it while they read ahead of the events that are counted here.
_PARSERS_LIMIT = re.compile(r"maximum nesting (depth|level)", re.IGNORECASE)


def check_size(events: Iterable[Any]) -> None:
    """Raise ValueError when the document of these parser's events is too deep or, aliases written out, too much.

    Also for one that names a type: a value that is none of that type ends the parser with an error of any kind.
    """
    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []
    values = 0
    for event in events:
        # By name, so that this module does not load the parser.
        kind = type(event).__name__
        if tag := getattr(event, "tag", None):
            raise ValueError(f"expected values as they are, found one with the type {tag}; leave the type out")
        if kind == "AliasEvent":
            # Inside what it stands for it would have no end.
            if event.anchor not in sizes:
                raise ValueError(f"the alias *{event.anchor} stands for something that is not complete")
            values += sizes[event.anchor]
        elif kind == "ScalarEvent":
            if len(event.value) > MAX_CHARACTERS:
                raise ValueError(f"it has a value of more than {MAX_CHARACTERS} characters")
            values += 1
            if event.anchor:
                sizes[event.anchor] = 1
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            open_nodes.append((event.anchor, values))
            values += 1
            if event.anchor:
                sizes.pop(event.anchor, None)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            anchor, before = open_nodes.pop()
            if anchor:
                sizes[anchor] = values - before
        if len(open_nodes) > MAX_DEPTH:
            raise ValueError(TOO_DEEP)
        if values > MAX_VALUES:
            raise ValueError(f"it stands for more than {MAX_VALUES} values")


def reason_of(error: Exception) -> str:
    """Return why a document is refused: of one that is too deep the same whichever parser read it."""
    problem = getattr(error, "problem", None)
    return TOO_DEEP if isinstance(problem, str) and _PARSERS_LIMIT.search(problem) else str(error)
