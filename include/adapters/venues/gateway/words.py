"""What the gateway's words about an order mean in the domain's states. Source: service-contracts 2.5."""

from __future__ import annotations

import re
from typing import Final

from include.trading.models import Contract
from include.trading.order.states import FINAL_WORDS, REFUSED

# Generous on purpose: taking a refusal for "the id exists" costs a look-up, the reverse could lose a live order.
_ID_TAKEN: Final = re.compile(
    r"must be unique|not unique|already exists|already been used|already in use|duplicate", re.IGNORECASE
)


def state_of(status: str, broker_order_id: str | None, message: str | None, contract: Contract) -> str:
    """Return the state that the gateway's word means by itself, whatever was filled.

    A working order without a broker's id has not reached the broker as far as anyone can prove: `unknown`. So is one
    that contract v1 calls refused: v1 stores no real refusal, only orders whose answer from the broker it lost. And in
    both, one refused because its id exists: the gateway sent it twice, and the first may be live.
    A word that is not known is taken as working, so that it is followed and never closed unseen.
    """
    unproven = contract == "v1" or says_id_is_taken(message or "")
    if status in REFUSED and unproven and not broker_order_id:
        return "unknown"
    if status in FINAL_WORDS:
        return status
    return "open" if broker_order_id else "unknown"


def says_id_is_taken(words: str) -> bool:
    """Say whether words of the gateway mean that the order's id exists, perhaps by our own earlier try."""
    return _ID_TAKEN.search(words) is not None
