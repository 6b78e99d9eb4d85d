"""Applies a run's request to its strategy: narrower, never wider; and describes the request as a form."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from include.trading.errors import InvalidData
from include.trading.strategy.request import LAST_REVISION, LEAST_AMOUNT, LONGEST_REASON, UNPRINTABLE, RunRequest
from include.trading.strategy.spec import MODES, Strategy
from include.trading.strategy.values import ISO_DATE

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
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("mode", request.mode),
            ("capital", _to_the_cent(request.capital)),
            ("max_position_size", _to_the_cent(request.max_position_size)),
        )
        if value is not None
    }
    return strategy.model_copy(update=changes)


def _to_the_cent(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(LEAST_AMOUNT, rounding=ROUND_DOWN)


def _wider(strategy: Strategy, request: RunRequest) -> list[str]:
    problems = []
    if request.symbols is not None and (foreign := sorted(set(request.symbols) - set(strategy.symbols))):
        problems.append(f"symbols: expected some of {', '.join(strategy.symbols)}, found {', '.join(foreign)}")
    if request.mode is not None and MODES.index(request.mode) > MODES.index(strategy.mode):
        problems.append(f"mode: expected {strategy.mode} or safer, found {request.mode}")
    if request.capital is not None and request.capital > strategy.capital_usd:
        problems.append(f"capital: expected at most {strategy.capital_usd} USD, found {request.capital}")
    if request.max_position_size is not None and request.max_position_size > strategy.max_position_usd:
        problems.append(
            f"max_position_size: expected at most {strategy.max_position_usd} USD, found {request.max_position_size}"
        )
    return problems


def params_schema(strategy: Strategy) -> dict[str, dict[str, Any]]:
    """Return, for each param, the JSON schema (with default and description) of the form that triggers a run."""
    fields = RunRequest.model_fields
    schemas: dict[str, dict[str, Any]] = {
        "symbols": {
            "type": ["null", "array"],
            "items": {"type": "string", "enum": list(strategy.symbols)},
            "examples": list(strategy.symbols),
            "minItems": 1,
            "uniqueItems": True,
        },
        "mode": {"type": ["null", "string"], "enum": [None, *MODES[: MODES.index(strategy.mode) + 1]]},
        "capital": _amount(strategy.capital_usd),
        "flatten": {"type": "boolean"},
        "max_position_size": _amount(strategy.max_position_usd) | SELDOM,
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


def _amount(limit: Decimal) -> dict[str, Any]:
    # JSON has no Decimal; this number only guides the form, the run compares exactly.
    maximum = int(limit) if limit == limit.to_integral_value() else float(limit)
    return {"type": ["null", "number"], "minimum": float(LEAST_AMOUNT), "maximum": maximum}
