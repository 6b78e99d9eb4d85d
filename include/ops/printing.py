"""How results are printed: exit codes, tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any, TextIO

from pydantic import BaseModel

from include.trading.text import REPLACEMENT, clean, one_line

# Exit codes: 1 when something is left for a person, 2 when the command was refused or could not be done.
WELL, NEEDS_A_PERSON, NOT_DONE = 0, 1, 2


class CleanStream:
    """A stream to a terminal that passes on no character which would steer it: much of what is printed others wrote."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        # A return to the start of the line would let what follows hide what was there.
        return self._stream.write(clean(text).replace("\r", REPLACEMENT))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def as_json(value: object) -> str:
    """Return JSON with numbers of money as text, so that nothing is rounded on the way."""
    return json.dumps(value, indent=2, default=_plain)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns; the last one is as long as it is."""
    lines = [list(headers), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def _plain(value: object) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="python")
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _text(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}"
    return one_line(str(cell))
