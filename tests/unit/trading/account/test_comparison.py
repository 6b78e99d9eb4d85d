"""Two books side by side."""

from __future__ import annotations

from decimal import Decimal

from include.trading.account.comparison import unequal


def book(**quantities: str) -> dict[str, Decimal]:
    return {symbol: Decimal(quantity) for symbol, quantity in quantities.items()}


def test_a_symbol_differs_by_its_number_and_not_by_how_it_is_written() -> None:
    assert unequal(book(AAPL="8.000"), book(AAPL="8"), ["AAPL"]) == {}
    assert unequal(book(AAPL="8"), book(AAPL="-8"), ["AAPL"]) == {"AAPL": (Decimal(8), Decimal(-8))}


def test_a_symbol_that_a_book_lacks_is_zero_in_it() -> None:
    found = unequal(book(KO="3"), book(JPM="4"), ["KO", "JPM", "XOM"])

    assert found == {"JPM": (Decimal(0), Decimal(4)), "KO": (Decimal(3), Decimal(0))}
    assert list(found) == ["JPM", "KO"]


def test_a_symbol_that_is_not_named_is_not_compared() -> None:
    assert unequal(book(AAPL="1", KO="2"), {}, {"KO"}) == {"KO": (Decimal(2), Decimal(0))}
