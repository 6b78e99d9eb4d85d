"""What a holding is worth to the limits when there is no usable price today: the last price that is known."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from include.trading.bounds import usable_price
from include.trading.models import Price
from include.trading.plan.plan import OldValue, PlanInputs
from include.trading.plan.reasons import price_problem


def positions(inputs: PlanInputs) -> dict[str, Decimal]:
    """Return the signed shares of each symbol in the book, open orders included, without zeros."""
    symbols = inputs.held.keys() | inputs.open_quantity.keys()
    book = {
        symbol: inputs.held.get(symbol, Decimal(0)) + inputs.open_quantity.get(symbol, Decimal(0)) for symbol in symbols
    }
    return {symbol: quantity for symbol, quantity in book.items() if quantity}


def last_known(symbol: str, inputs: PlanInputs) -> Price | None:
    """Return the symbol's previous close, or else the last price the ledger knows; nothing is made up."""
    close = inputs.previous_closes.get(symbol)
    return close if isinstance(close, Price) else inputs.last_prices.get(symbol)


def valuation(inputs: PlanInputs) -> dict[str, Decimal]:
    """Return what to value each symbol at in USD a share: its price, or else the last known one."""
    known = {**inputs.last_prices, **_usable(inputs.previous_closes), **_usable(inputs.prices)}
    return {symbol: price.price for symbol, price in known.items()}


def old_values(inputs: PlanInputs) -> tuple[OldValue, ...]:
    """Return the holdings without a usable price, and what they are valued at, by symbol."""
    return tuple(
        OldValue(symbol, quantity, price_problem(problem), last_known(symbol, inputs))
        for symbol, quantity in sorted(positions(inputs).items())
        if isinstance(problem := inputs.prices.get(symbol, "missing"), str)
    )


def in_new_shares(closes: Mapping[str, Price | str], splits: Mapping[str, Fraction]) -> dict[str, Price]:
    """Return the closes of the split symbols as prices of the new shares, of those that still are usable prices.

    splits: new shares for an old one.
    """
    found = {}
    for symbol, factor in splits.items():
        close = closes.get(symbol)
        if isinstance(close, Price) and (price := usable_price(close.price * factor.denominator / factor.numerator)):
            source = f"{close.source}, adjusted for a split"
            found[symbol] = close.model_copy(update={"price": price, "source": source})
    return found


def _usable(prices: dict[str, Price | str]) -> dict[str, Price]:
    return {symbol: price for symbol, price in prices.items() if isinstance(price, Price)}
