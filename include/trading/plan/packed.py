"""What a plan was made from, as it is kept: one text, its hash, compressed. From it the plan is made again."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from include.trading.errors import InvalidData
from include.trading.plan.plan import PlanInputs
from include.trading.sizing.inputs import History

# A text of less than this is what any plan has; more is not what was packed here.
_LONGEST = 200_000_000


class Packed(NamedTuple):
    """sha256: of the text, whatever it is compressed to."""

    sha256: str
    content: bytes


def packed(inputs: PlanInputs) -> Packed:
    """Pack the inputs; equal inputs make an equal hash. The strategy's own functions stay names."""
    # What has its default is left out: another version that brings a further input reads it, too.
    values = inputs.model_dump(mode="json", exclude={"own", "history"}, exclude_defaults=True)
    if inputs.history is not None:
        values["history"] = _history(inputs.history)
    text = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
    return Packed(hashlib.sha256(text).hexdigest(), zlib.compress(text, 6))


def unpacked(kept: Packed) -> PlanInputs:
    """Return the inputs as they were, but for functions of the strategy's own.

    Raises InvalidData where the text is not the one with this hash.
    """
    try:
        unpacking = zlib.decompressobj()
        text = unpacking.decompress(kept.content, _LONGEST)
    except zlib.error as error:
        raise InvalidData(f"what the plan was made from cannot be unpacked ({error}): it was changed") from error
    if (found := hashlib.sha256(text).hexdigest()) != kept.sha256:
        raise InvalidData(f"what the plan was made from was changed: expected sha256 {kept.sha256}, found {found}")
    values: dict[str, Any] = json.loads(text)
    history = values.pop("history", None)
    return PlanInputs.model_validate({**values, "history": None if history is None else _read(history)})


def _history(history: History) -> dict[str, Any]:
    """Return the closes of a symbol as one text, which takes a fifth of what a list of texts would."""
    return {
        "sessions": [day.isoformat() for day in history.sessions],
        "closes": {symbol: _joined(closes) for symbol, closes in history.closes.items()},
    }


def _joined(closes: Sequence[Decimal | None]) -> str:
    return ",".join("" if close is None else f"{close:f}" for close in closes)


def _read(history: dict[str, Any]) -> History:
    return History(
        tuple(map(date.fromisoformat, history["sessions"])),
        {
            symbol: tuple(Decimal(close) if close else None for close in text.split(","))
            for symbol, text in history["closes"].items()
        },
    )
