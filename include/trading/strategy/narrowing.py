"""Applies a run's request to its strategy: narrower, never wider; and describes the request as a form."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_DOWN, Decimal
from typing import Any

from include.trading.errors import InvalidData
from include.trading.strategy.capital_spec import CapitalShare
from include.trading.strategy.request import LAST_REVISION, LEAST_AMOUNT, LONGEST_REASON, UNPRINTABLE, RunRequest
from include.trading.strategy.spec import MODES, Strategy
from include.trading.strategy.values import ISO_DATE, SYMBOL

# The form shows a section folded up, and what is in none unfolded.
# Airflow checks each schema against its draft wherever it checks a value; the newest draft takes three times as long.
DRAFT = "http://json-schema.org/draft-07/schema#"
SELDOM = {"section": "Another session or size"}
# The format alone takes 20260105 too.
_DATE: dict[str, Any] = {"type": ["null", "string"], "format": "date", "pattern": ISO_DATE}


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
    for name, limit in (("capital", _most_capital(strategy)), ("max_position_size", _most_of_one(strategy))):
        asked = getattr(request, name)
        if asked is not None and limit is not None and asked > limit:
            yield f"{name}: expected at most {limit:f} USD, found {asked:f}"


def _most_capital(strategy: Strategy) -> Decimal | None:
    """Return the most that a run may use; None while only an equity says it."""
    if strategy.capital_or_none is not None:
        return strategy.capital_usd
    if strategy.equity is None or strategy.equity.at_most is None:
        return None
    # A backfill may use replay_capital, whatever the equity is.
    return max(strategy.equity.at_most, strategy.replay_capital or Decimal(0))


def _most_of_one(strategy: Strategy) -> Decimal | None:
    size, capital = strategy.max_position_size, _most_capital(strategy)
    if not isinstance(size, CapitalShare):
        return size
    return None if capital is None else size.share * capital


def params_schema(strategy: Strategy) -> dict[str, dict[str, Any]]:
    """Return, for each param, the JSON schema (with default and description) of the form that triggers a run."""
    fields, symbols = RunRequest.model_fields, list(strategy.symbols)
    schemas: dict[str, dict[str, Any]] = {
        "symbols": {
            "type": ["null", "array"],
            "items": {"type": "string", **({"enum": symbols} if symbols else {"pattern": SYMBOL})},
            "examples": symbols,
            "minItems": 1,
            "uniqueItems": True,
        },
        "mode": {"type": ["null", "string"], "enum": [None, *MODES[: MODES.index(strategy.mode) + 1]]},
        "capital": _amount(_most_capital(strategy)),
        "flatten": {"type": "boolean"},
        "max_position_size": _amount(_most_of_one(strategy)) | SELDOM,
        "reason": {
            "type": ["null", "string"],
            "minLength": 1,
            "maxLength": LONGEST_REASON,
            "not": {"type": "string", "pattern": UNPRINTABLE},
        },
        "session_date": _DATE | SELDOM,
        "as_of_date": _DATE | SELDOM,
        "revision": {"type": ["null", "integer"], "minimum": 1, "maximum": LAST_REVISION} | SELDOM,
    }
    return {
        name: {"$schema": DRAFT, "default": fields[name].default, "description": fields[name].description, **schema}
        for name, schema in schemas.items()
    }


def _amount(limit: Decimal | None) -> dict[str, Any]:
    amount: dict[str, Any] = {"type": ["null", "number"], "minimum": float(LEAST_AMOUNT)}
    if limit is None:
        return amount
    # JSON has no Decimal; this number only guides the form, the run compares exactly.
    return amount | {"maximum": int(limit) if limit == limit.to_integral_value() else float(limit)}
