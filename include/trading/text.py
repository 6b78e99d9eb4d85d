"""Text from outside made fit to be kept and shown: no character that PostgreSQL refuses or that steers a terminal."""

from __future__ import annotations

import math
import re
from typing import Any

# NUL and lone surrogates cannot be stored. C0 and C1 controls (ESC among them) and the marks that turn the direction of
# writing could show a person something else than what is there. Tab and the ends of lines are what they seem.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def clean(text: str) -> str:
    """Return the text with the replacement character for each character that is not fit."""
    return _UNFIT.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """Return the clean text in one line, for a cell of a table or a message."""
    return clean(" ".join(text.split()))


def repr_of(value: Any) -> str:
    """Return a value from outside as Python writes it, or what can be said of one that is nested too deep for that."""
    try:
        return repr(value)
    except RecursionError:
        return f"a {type(value).__name__} that is nested too deep to be shown"


def clean_json(value: Any) -> Any:
    """Return a JSON value with every text and key in it clean, and without numbers that JSON does not have."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key) if isinstance(key, str) else key: clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
