"""The process that a function of signals runs in: python -m include.adapters.signals.python_child FUNCTION FD"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

from include.trading.ports import SignalRequest


def main(name: str, descriptor: int) -> None:
    # It is kept from what the function starts, which could hold it open.
    os.set_inheritable(descriptor, False)
    ask = SignalRequest.model_validate_json(sys.stdin.buffer.read())
    try:
        found = call(name, ask)
    except BaseException as error:  # noqa: BLE001 - whatever it raises, SystemExit too, is told
        text = json.dumps({"raised": f"{type(error).__name__}: {str(error)[:2000]}"})
    else:
        text = answer(found)
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        # The end of the line is the end of the answer: what the function started may hold the pipe open.
        pipe.write(f"{text}\n")


def answer(found: Any) -> str:
    """Return the function's rows, or why what it returned has none."""
    try:
        return json.dumps({"rows": plain(found)}, default=written)
    except (TypeError, ValueError, RecursionError) as error:
        return json.dumps({"rubbish": str(error)[:2000]})


def call(name: str, ask: SignalRequest) -> Any:
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)(ask)


def plain(answer: Any) -> Any:
    """Return a DataFrame as a list of dicts, a Series as a dict, anything else as it is."""
    kind = type(answer).__name__
    if kind == "DataFrame":
        # An index without a name is only a count of the rows.
        named = [name for name in answer.index.names if name is not None]
        frame = answer.reset_index() if named else answer
        return [
            dict(zip(map(str, frame.columns), row, strict=True)) for row in frame.itertuples(index=False, name=None)
        ]
    if kind == "Series":
        return {str(symbol): value for symbol, value in answer.items()}
    if isinstance(answer, Mapping):
        return dict(answer)
    if isinstance(answer, list | tuple):
        return [dict(row) if isinstance(row, Mapping) else row for row in answer]
    raise TypeError(f"expected a list of dicts, a dict of weights, a DataFrame or a Series, found {kind}")


def written(value: Any) -> Any:
    """Return what JSON has no word for as text or a number; a float that is none keeps its name."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"expected text, numbers and dates in the rows, found {type(value).__name__}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
