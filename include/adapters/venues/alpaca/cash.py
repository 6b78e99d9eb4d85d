"""Which of Alpaca's activities change the account's cash besides fills, and what each of them is to our books.

A kind that is not listed (a merger's cash, a reorganization) is left for a person: the account's day warns of it.
Source: https://docs.alpaca.markets/docs/account-activities and the vendor's OpenAPI file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from include.adapters.http.answers import decimal_of, id_of, text_of, words_of
from include.trading.models import CashActivity, CashKind

LARGEST_AMOUNT: Final = Decimal(10) ** 13
KINDS: Final[Mapping[str, CashKind]] = {
    **dict.fromkeys(("CSD", "CSW", "JNLC", "ACATC"), "flow"),
    **dict.fromkeys(("DIV", "DIVCGL", "DIVCGS", "DIVROC", "DIVTXEX", "CGD"), "dividend"),
    # What is kept back of a dividend: our books count what was announced, before tax.
    **dict.fromkeys(("DIVFEE", "DIVFT", "DIVNRA", "DIVTW"), "fee"),
    **dict.fromkeys(("FEE", "PTC", "PTR"), "fee"),
    **dict.fromkeys(("INT", "INTNRA", "INTTW"), "interest"),
}


def cash_of(row: Mapping[str, Any]) -> CashActivity | None:
    """Return what a row says, None for one that was canceled; raises ValueError for a row of another kind."""
    word = text_of(row, "activity_type")
    if word not in KINDS:
        raise ValueError(f"activity_type: expected one of {', '.join(KINDS)}, got {word!r}")
    if row.get("status") == "canceled":
        return None
    amount = decimal_of(row, "net_amount")
    if abs(amount) >= LARGEST_AMOUNT:
        raise ValueError(f"net_amount: expected an amount below {LARGEST_AMOUNT:,} USD, got {str(amount)[:50]}")
    symbol = None if row.get("symbol") in (None, "") else text_of(row, "symbol", 40)
    said = words_of(row, "description")
    return CashActivity(
        venue_id=id_of(row, "id"),
        kind=KINDS[word],
        symbol=symbol,
        amount=amount.quantize(Decimal("0.01")),
        day=date.fromisoformat(text_of(row, "date")[:10]),
        words=word if said is None else f"{word}: {said}",
    )
