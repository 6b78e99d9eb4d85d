"""Money that a person puts into a strategy's own book, or takes out of it, with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from include.execution.duty.account import check_words, lock_account
from include.ledger.ledger import Ledger
from include.trading.errors import InvalidData
from include.trading.results.entries import cents
from include.trading.results.row import BookKey

_MOST: Final = Decimal(10) ** 15


@dataclass(frozen=True)
class Flow:
    id: int
    account: str
    strategy_id: str
    mode: Literal["paper", "live"]
    amount: Decimal


def record_flow(ledger: Ledger, key: BookKey, amount: Decimal, *, actor: str, reason: str) -> Flow:
    """Record signed USD for a strategy's book; they count in the next session that is closed.

    Raises InvalidData for parts of a cent, and for a strategy that never had a plan on the account.
    """
    check_words(actor, reason)
    if not amount.is_finite() or amount == 0 or abs(amount) >= _MOST or cents(amount) != amount:
        raise InvalidData(f"capital: expected USD in whole cents, not 0 and below 10^15, got {str(amount)[:50]}")
    lock_account(ledger, key.account)
    books = [known for known, _ in ledger.results.keys(key.account)]
    if key not in books:
        listed = ", ".join(f"{known.strategy_id} ({known.mode})" for known in books) or "none yet"
        raise InvalidData(
            f"capital: strategy {key.strategy_id} has no book in mode {key.mode} on account {key.account}; known are "
            f"{listed}. Before its first plan, say what it begins with in the strategies file"
        )
    return Flow(ledger.results.add_flow(key, amount, actor=actor, reason=reason), *key, amount)
