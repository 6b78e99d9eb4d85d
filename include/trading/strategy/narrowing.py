"""Applies a run's request to its strategy: narrower, never wider."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal

from include.trading.errors import InvalidData
from include.trading.numbers import amount
from include.trading.strategy.capital_spec import CapitalShare
from include.trading.strategy.request import LEAST_AMOUNT, RunRequest
from include.trading.strategy.spec import MODES, Strategy


def narrowed(strategy: Strategy, request: RunRequest) -> Strategy:
    """Return the strategy with what the request narrows: a safer mode, less capital, a smaller cap.

    The symbols stay the strategy's: signals are asked for all of them, because a model ranks a symbol among the others,
    and only those that the request names are planned (`PlanInputs.only_symbols`).
    Raises InvalidData naming each thing that is wider than the strategy.
    """
    problems = _wider(strategy, request)
    if problems:
        raise InvalidData(f"the run's params exceed strategy {strategy.id}: " + "; ".join(problems))
    return _with(strategy, request).model_copy(update={"mode": request.mode or strategy.mode})


def replayed(strategy: Strategy, request: RunRequest) -> Strategy:
    """Return a narrowed strategy as a backfill plans it: with replay_capital where capital is an equity.

    Raises InvalidData where that is missing, or the request asks for more. A book of its own has its start as well.
    """
    if strategy.capital_or_none is not None:
        return strategy
    capital = strategy.replay_capital or (strategy.own_book.start if strategy.own_book is not None else None)
    if capital is None:
        raise InvalidData(
            f"strategy {strategy.id}: expected replay_capital, because its capital is a share of the account's equity "
            "and what is replayed never asks the venue; write what to plan with, in USD: replay_capital: 100000"
        )
    number = strategy.model_copy(update={"capital": capital, "replay_capital": None})
    if problems := [*_more_than(number, request)]:
        raise InvalidData(f"the run's params exceed strategy {strategy.id}: " + "; ".join(problems))
    return _with(number, request)


def at_most(strategy: Strategy, request: RunRequest) -> dict[str, Decimal]:
    """Return what the request narrows once the equity is known, by param."""
    if strategy.capital_or_none is not None:
        return {}
    asked = {"capital": _to_the_cent(request.capital), "max_position_size": _to_the_cent(request.max_position_size)}
    return {name: amount for name, amount in asked.items() if amount is not None}


def _with(strategy: Strategy, request: RunRequest) -> Strategy:
    """Return the strategy with the request's amounts; as it is while its capital is not a number."""
    if strategy.capital_or_none is None:
        return strategy
    capital, size = _to_the_cent(request.capital), _to_the_cent(request.max_position_size)
    changes = {name: value for name, value in (("capital", capital), ("max_position_size", size)) if value is not None}
    return strategy.model_copy(update=changes)


def _to_the_cent(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(LEAST_AMOUNT, rounding=ROUND_DOWN)


def _wider(strategy: Strategy, request: RunRequest) -> list[str]:
    problems = []
    foreign = sorted(set(request.symbols or ()) - set(strategy.symbols)) if strategy.symbols else []
    if foreign:
        problems.append(f"symbols: expected some of {', '.join(strategy.symbols)}, found {', '.join(foreign)}")
    if request.mode is not None and MODES.index(request.mode) > MODES.index(strategy.mode):
        problems.append(f"mode: expected {strategy.mode} or safer, found {request.mode}")
    return [*problems, *_more_than(strategy, request)]


def _more_than(strategy: Strategy, request: RunRequest) -> Iterator[str]:
    for name, limit in (("capital", most_capital(strategy)), ("max_position_size", most_of_one(strategy))):
        asked = getattr(request, name)
        if asked is not None and limit is not None and asked > limit:
            yield f"{name}: expected at most {amount(limit)} USD, found {amount(asked)}"


def most_capital(strategy: Strategy) -> Decimal | None:
    """Return the most that a run may use; None while only an equity says it."""
    if strategy.capital_or_none is not None:
        return strategy.capital_usd
    if strategy.equity is None or strategy.equity.at_most is None:
        return None
    # A backfill may use replay_capital, whatever the equity is.
    return max(strategy.equity.at_most, strategy.replay_capital or Decimal(0))


def most_of_one(strategy: Strategy) -> Decimal | None:
    size, capital = strategy.max_position_size, most_capital(strategy)
    if not isinstance(size, CapitalShare):
        return size
    return None if capital is None else size.share * capital
