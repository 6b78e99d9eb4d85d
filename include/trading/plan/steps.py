"""How many shares of a change can be traded: in parts of a share where they may be, in whole shares otherwise."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Steps(NamedTuple):
    """Unsigned shares: what brings the position nearer to zero, and what makes more of it or turns it over."""

    closing: Decimal
    opening: Decimal


def steps_to(delta: Decimal, start: Decimal, *, splits: bool, in_parts: bool) -> Steps:
    """Return what of the signed change can be traded from the signed start.

    splits: a part of a share of the symbol can be traded. in_parts: the strategy wants to, for longs.
    What is whole is rounded toward zero. Only a long is in parts: it is closed with the part that it has, whatever the
    strategy wants, and increased or reduced in parts where the strategy wants them.
    """
    size, held = abs(delta), abs(start)
    if start * delta >= 0:
        return Steps(Decimal(0), size if in_parts and delta > 0 else size // 1)
    closing = min(size, held)
    if size < held:
        return Steps(closing if in_parts and start > 0 else closing // 1, Decimal(0))
    closing = closing if splits and start > 0 else closing // 1
    opening = size - closing if in_parts and start + delta > 0 else size // 1 - held // 1
    return Steps(closing, opening)
