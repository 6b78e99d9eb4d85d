"""The states of an order and the only ways between them; the services' words grouped in one place.

planned ─► sending ─► open ─► filled | canceled | expired | done_for_day | … the services' own final words
  │  │ ▲      │ ├───► rejected
  │  │ └──────┘ └───► unknown ──resolve──► open | final | rejected | proven absent ─► planned
  │  └► denied        by our rules, with a reason code
  └──► not_sent       send_until passed, or closed by the next revision

An order that was thought unsent, refused or ended and that the gateway has after all is followed again: a break.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from include.trading.errors import InvalidData
from include.trading.numbers import shares

# Final words that say the order never traded: a fill on one of them is a break.
REFUSED: Final = frozenset({"rejected", "failed", "blocked_kill_switch", "blocked_circuit_breaker"})
# … and all final words. `dry_run` never changes by itself, so it is final for us though not for T4.
FINAL_WORDS: Final = REFUSED | {"filled", "canceled", "expired", "done_for_day", "replaced", "dry_run"}

NEVER_SENT: Final = frozenset({"planned", "denied", "not_sent"})
UNRESOLVED: Final = frozenset({"sending", "unknown"})
FINAL: Final = FINAL_WORDS | {"denied", "not_sent"}
STATES: Final = FINAL | {"planned", "sending", "unknown", "open"}

# Final words after which the order may have traded: they end it only together with a filled quantity.
TRADED: Final = FINAL_WORDS - REFUSED - {"dry_run"}
# Final states in which an order that was sent may be live at the gateway after all: it is looked up again.
MAY_BE_LIVE: Final = (FINAL - {"filled", "dry_run"}) | {"planned"}

# What the gateway may show of an order that we never sent, as far as we knew.
_APPEARED: Final = FINAL_WORDS | {"open", "unknown"}
TRANSITIONS: Final[dict[str, frozenset[str]]] = {
    "planned": _APPEARED | {"sending", "denied", "not_sent"},
    "sending": FINAL_WORDS | {"open", "unknown", "planned", "denied"},
    # A person may settle an unknown order as never sent; nothing else may.
    "unknown": FINAL_WORDS | {"open", "planned", "not_sent"},
    "open": FINAL_WORDS,
    "denied": _APPEARED,
    "not_sent": _APPEARED,
    "filled": frozenset(),
    "dry_run": frozenset(),
    **dict.fromkeys(REFUSED, TRADED | {"open"}),
    **dict.fromkeys(TRADED - {"filled"}, frozenset({"filled", "open"})),
}
# Of these ways the ones that contradict nothing: a fill that was under way when the order ended still counts.
LATE_FILL: Final = frozenset({"canceled", "expired", "done_for_day", "replaced"})


def check_transition(current: str, following: str) -> None:
    """Raise InvalidData when an order may not go from one state to the other."""
    if following not in TRANSITIONS[current]:
        allowed = ", ".join(sorted(TRANSITIONS[current])) or "nothing: it is final"
        raise InvalidData(f"an order in state {current!r} may become {allowed}; {following!r} was asked for")


def fill_contradiction(state: str, quantity: Decimal, filled: Decimal, already_filled: Decimal) -> str | None:
    """Return what is impossible about a cumulative filled quantity, or None.

    quantity: ordered shares. filled: what the gateway reports now. already_filled: what was booked before.
    """
    if filled < 0:
        return f"filled quantity {shares(filled)} is negative"
    if filled > quantity:
        return f"filled {shares(filled)} of an order for {shares(quantity)}"
    if filled < already_filled:
        return f"filled fell from {shares(already_filled)} to {shares(filled)}"
    if state == "filled" and filled != quantity:
        return f"called filled with {shares(filled)} of {shares(quantity)}"
    if filled > 0 and state in REFUSED | {"dry_run", "denied", "not_sent"}:
        return f"{shares(filled)} filled on an order that is {state}"
    return None
