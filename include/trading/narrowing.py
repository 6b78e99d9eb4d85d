"""Applies a run's request to its strategy: narrower, never wider; and describes the request as a form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from include.trading.errors import InvalidData
from include.trading.strategy import MODES, RunRequest, Strategy

# The form shows a section folded up, and what is in none unfolded.
# Airflow checks each schema against its draft wherever it checks a value; the newest draft takes three times as long.
DRAFT = "http://json-schema.org/draft-07/schema#"
SELDOM = {"section": "Another session or size"}


def narrowed(strategy: Strategy, request: RunRequest) -> Strategy:
    """Return the strategy with what the request narrows: safer mode, less capital, smaller cap, fewer symbols.

    Fewer symbols than top_n + bottom_n split in the same proportion, the odd one long: 2 and 2 of three are 2 and 1.
    Raises InvalidData naming each thing that is wider than the strategy.
    """
    problems = _wider(strategy, request)
    if problems:
        raise InvalidData(f"the run's params exceed strategy {strategy.id}: " + "; ".join(problems))
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("mode", request.mode),
            ("capital", request.capital),
            ("max_position_size", request.max_position_size),
        )
        if value is not None
    }
    if request.symbols is not None:
        changes["symbols"] = tuple(symbol for symbol in strategy.symbols if symbol in request.symbols)
        changes["top_n"], changes["bottom_n"] = _names_of(strategy.top_n, strategy.bottom_n, len(request.symbols))
    return strategy.model_copy(update=changes)


def _wider(strategy: Strategy, request: RunRequest) -> list[str]:
    problems = []
    if request.symbols is not None and (foreign := sorted(set(request.symbols) - set(strategy.symbols))):
        problems.append(f"symbols: expected some of {', '.join(strategy.symbols)}, found {', '.join(foreign)}")
    if request.mode is not None and MODES.index(request.mode) > MODES.index(strategy.mode):
        problems.append(f"mode: expected {strategy.mode} or safer, found {request.mode}")
    if request.capital is not None and request.capital > strategy.capital:
        problems.append(f"capital: expected at most {strategy.capital} USD, found {request.capital}")
    if request.max_position_size is not None and request.max_position_size > strategy.max_position_size:
        problems.append(
            f"max_position_size: expected at most {strategy.max_position_size} USD, found {request.max_position_size}"
        )
    return problems


def _names_of(top_n: int, bottom_n: int, symbols: int) -> tuple[int, int]:
    wanted = top_n + bottom_n
    if wanted <= symbols:
        return top_n, bottom_n
    longs = -(-symbols * top_n // wanted)
    return longs, symbols - longs


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
        "capital": _amount(strategy.capital),
        "flatten": {"type": "boolean"},
        "max_position_size": _amount(strategy.max_position_size) | SELDOM,
        "session_date": {"type": ["null", "string"], "format": "date"} | SELDOM,
        "as_of_date": {"type": ["null", "string"], "format": "date"} | SELDOM,
        "revision": {"type": ["null", "integer"], "minimum": 1} | SELDOM,
    }
    return {
        name: {"$schema": DRAFT, "default": fields[name].default, "description": fields[name].description, **schema}
        for name, schema in schemas.items()
    }


def _amount(limit: Decimal) -> dict[str, Any]:
    # JSON has no Decimal; this number only guides the form, the run compares exactly.
    maximum = int(limit) if limit == limit.to_integral_value() else float(limit)
    return {"type": ["null", "number"], "exclusiveMinimum": 0, "maximum": maximum}
