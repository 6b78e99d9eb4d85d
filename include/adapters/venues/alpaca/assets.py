"""What Alpaca's answer says of one symbol: whether it may be traded, sold short and bought in parts of a share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from include.adapters.http.answers import Answer, bool_of, text_of
from include.adapters.venues.alpaca.answers import NOT_FOUND, code_of, message_of
from include.trading.models import AssetFacts

# The list takes no symbols and is too long for one answer, so it is read by exchange.
EXCHANGES: Final = ("NASDAQ", "NYSE", "ARCA", "BATS", "AMEX")
# So many symbols are asked for one by one; of more the lists are read first.
FEW_ASSETS: Final = 20


def is_unknown_asset(answer: Answer) -> bool:
    """Say whether Alpaca itself says that it has no such asset."""
    return answer.status == 404 and message_of(answer) is not None and code_of(answer) == NOT_FOUND


def asset_facts(row: Mapping[str, Any]) -> AssetFacts:
    """Return the facts of one asset object; raises ValueError with what is wrong.

    A symbol whose answer does not say that it is easy to borrow counts as hard to borrow.
    """
    easy = bool_of(row, "easy_to_borrow") if "easy_to_borrow" in row else row.get("borrow_status") == "easy_to_borrow"
    return AssetFacts(
        symbol=text_of(row, "symbol"),
        tradable=bool_of(row, "tradable") and text_of(row, "status") == "active",
        shortable=bool_of(row, "shortable") and easy,
        fractionable=bool_of(row, "fractionable"),
    )
