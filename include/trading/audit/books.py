"""Rules about what is held: each line of a book explained, and the account's positions explained by the lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from include.trading.audit.findings import Finding, not_provable
from include.trading.audit.history import AccountHistory, Book, GatewayWords
from include.trading.numbers import shares

_ZERO = Decimal(0)


def held_is_moved(account: AccountHistory, words: GatewayWords) -> Iterator[Finding]:
    """The holdings in reports are the sums of the rows that moved them."""
    for book in account.books:
        if book.held != book.moved:
            yield Finding(
                _line(book), f"{shares(book.held)} are called held, its movements add up to {shares(book.moved)}"
            )


def moved_is_explained(account: AccountHistory, words: GatewayWords) -> Iterator[Finding]:
    """Every movement is explained by a fill or a correction."""
    for book in account.books:
        if book.moved != book.explained:
            yield Finding(
                _line(book), f"{shares(book.moved)} moved, fills and corrections explain {shares(book.explained)}"
            )


def positions_explained(account: AccountHistory, words: GatewayWords) -> Iterator[Finding]:
    """The gateway holds of each of our symbols what our books and the adopted baseline say."""
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for book in account.books:
        if book.mode in ("paper", "live"):
            ours[book.symbol] += book.moved
    for symbol, moved in sorted(ours.items()):
        if isinstance(words.positions, str):
            yield not_provable(symbol, words.positions)
            continue
        expected = moved + account.baseline.get(symbol, _ZERO)
        actual = words.positions.get(symbol, _ZERO)
        if actual == expected:
            continue
        sentence = f"the gateway holds {shares(actual)}, our books and the adopted baseline say {shares(expected)}"
        if symbol in account.live_symbols:
            yield not_provable(symbol, f"{sentence}; an order of it may be filling")
        else:
            yield Finding(symbol, sentence)


def _line(book: Book) -> str:
    return f"{book.strategy_id} {book.symbol} ({book.mode})"
