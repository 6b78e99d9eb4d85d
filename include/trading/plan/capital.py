"""The capital of a plan: a number of the file's, or a share of the account's equity that becomes one here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final, NamedTuple

from include.trading.models import AccountFacts, Signal
from include.trading.numbers import amount
from include.trading.sizing.shares import Target
from include.trading.strategy.sizing_spec import OwnSizing
from include.trading.strategy.spec import Strategy

# What the venue says of the account's money, why it did not answer, or None: it tells none, or was not asked.
Money = AccountFacts | str | None
_CENT: Final = Decimal("0.01")


class Sized(NamedTuple):
    """The strategy to plan with; its capital is a number wherever one is known.

    note: where the number comes from. reductions_only: why the plan may increase nothing.
    """

    strategy: Strategy
    note: str | None = None
    reductions_only: str | None = None


def sized(strategy: Strategy, money: Money, at_most: Mapping[str, Decimal], own_equity: Decimal | None = None) -> Sized:
    """Return the strategy with its equity, a share of the account's or that of its own book, as a number.

    at_most: what the run asked for, by param: less is used where it is less. own_equity: of the strategy's own book.
    """
    wanted = strategy.equity
    if strategy.own_book is not None:
        return _by_own_book(strategy, own_equity, at_most)
    if wanted is None:
        return Sized(strategy)
    if not isinstance(money, AccountFacts):
        return Sized(strategy, reductions_only=f"the account's equity is not known: {money or 'the venue tells none'}")
    usd = (wanted.share * money.equity).quantize(_CENT, rounding=ROUND_FLOOR)
    share = f"{amount(wanted.share)} of the account's equity of {amount(money.equity)} USD is {amount(usd)} USD"
    if usd <= 0:
        return Sized(strategy, reductions_only=share)
    least = wanted.at_least
    reductions_only = f"{share}, less than at_least, {amount(least)} USD" if least is not None and usd < least else None
    limits = {"at_most": wanted.at_most, "the run's capital": at_most.get("capital")}
    name, limit = min(
        ((name, limit) for name, limit in limits.items() if limit is not None),
        key=lambda each: each[1],
        default=("", usd),
    )
    note = f"{share}; {name} leaves {amount(limit)} USD" if limit < usd else share
    return Sized(_as_number(strategy, min(usd, limit), at_most), note, reductions_only)


def _by_own_book(strategy: Strategy, equity: Decimal | None, at_most: Mapping[str, Decimal]) -> Sized:
    if equity is None:
        return Sized(strategy, reductions_only="the equity of the strategy's own book is not known")
    usd = equity.quantize(_CENT, rounding=ROUND_FLOOR)
    words = f"the equity of the strategy's own book is {amount(usd)} USD"
    if usd <= 0:
        return Sized(strategy, reductions_only=words)
    limit = at_most.get("capital", usd)
    note = f"{words}; the run's capital leaves {amount(limit)} USD" if limit < usd else words
    return Sized(_as_number(strategy, min(usd, limit), at_most), note)


def _as_number(strategy: Strategy, capital: Decimal, at_most: Mapping[str, Decimal]) -> Strategy:
    number = strategy.model_copy(update={"capital": capital, "replay_capital": None})
    asked = at_most.get("max_position_size", number.max_position_usd)
    return number.model_copy(update={"max_position_size": min(asked, number.max_position_usd)})


def targets_without_capital(
    strategy: Strategy, signals: Sequence[Signal], book: Mapping[str, Decimal]
) -> dict[str, Target]:
    """Return the targets that hold whatever the capital is: nothing of a symbol without weight, or with the other sign.

    book: signed shares, open orders included.
    """
    if isinstance(strategy.sizing, OwnSizing):
        return {}
    from_scratch = strategy.order_basis == "target"
    return {
        signal.symbol: Target(symbol=signal.symbol, quantity=Decimal(0))
        for signal in signals
        if signal.target_weight == 0
        or (not from_scratch and signal.target_weight * book.get(signal.symbol, Decimal(0)) < 0)
    }


def money_kept(sizing: Sized, money: Money, notes: Sequence[str]) -> dict[str, Any]:
    """Return what a plan's parameters keep of the money that it was made with; nothing where none was asked for."""
    if money is None and sizing.strategy.equity is None and sizing.note is None:
        return {}
    capital = sizing.strategy.capital_or_none
    told = money.model_dump(mode="json") if isinstance(money, AccountFacts) else {"unanswered": money}
    words = [*([sizing.note] if sizing.note else []), *notes]
    return {"money": {"capital": None if capital is None else str(capital), **told, "notes": words}}


def capital_kept(parameters: Mapping[str, Any]) -> Decimal | None:
    """Return the capital that a plan was made with, where its parameters do not say it as a number of the file's."""
    capital = parameters.get("money", {}).get("capital")
    return None if capital is None else Decimal(capital)
