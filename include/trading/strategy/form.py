"""The form that triggers a run: each param as a JSON schema, and what applies to this strategy where it stays empty."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from include.trading.models import Mode
from include.trading.strategy.capital_spec import CapitalShare
from include.trading.strategy.narrowing import most_capital, most_of_one
from include.trading.strategy.request import LAST_REVISION, LEAST_AMOUNT, LONGEST_REASON, UNPRINTABLE, RunRequest
from include.trading.strategy.spec import MODES, Strategy
from include.trading.strategy.values import ISO_DATE, SYMBOL

# Airflow checks each schema against its draft wherever it checks a value; the newest draft takes three times as long.
DRAFT: Final = "http://json-schema.org/draft-07/schema#"
# The form shows a section folded up, and what is in none unfolded.
SELDOM: Final = {"section": "Another session or size"}
# The format alone takes 20260105 too.
_DATE: Final[dict[str, Any]] = {"type": ["null", "string"], "format": "date", "pattern": ISO_DATE}
_WHAT_MODES_DO: Final[dict[Mode, str]] = {
    "replay": "looks back, sends nothing",
    "plan": "makes a plan, sends nothing",
    "dry_run": "the venue checks orders, trades nothing",
    "paper": "trades without money",
    "live": "trades with money",
}


def params_schema(strategy: Strategy) -> dict[str, dict[str, Any]]:
    """Return each param's JSON schema, with default and description.

    A default is null, not the strategy's value: the strategies file may change between the form and the run, and null
    means what it says then.
    """
    symbols = list(strategy.symbols)
    schemas: dict[str, dict[str, Any]] = {
        "symbols": {
            "description": f"only these symbols are planned; empty: {_all_symbols(strategy)}",
            "type": ["null", "array"],
            "items": {"type": "string", **({"enum": symbols} if symbols else {"pattern": SYMBOL})},
            "examples": symbols,
            "minItems": 1,
            "uniqueItems": True,
        },
        "mode": {
            "description": f"{strategy.mode}, or a safer one",
            "type": ["null", "string"],
            **_modes(strategy.mode),
        },
        "capital": {"description": _capital(strategy), **_amount(most_capital(strategy))},
        "flatten": {"description": "close everything the strategy holds; needs no signals", "type": "boolean"},
        "max_position_size": {"description": _size(strategy), **_amount(most_of_one(strategy)), **SELDOM},
        "reason": {
            "description": "why this run is started; recorded with it; may stay empty",
            "type": ["null", "string"],
            "minLength": 1,
            "maxLength": LONGEST_REASON,
            "not": {"type": "string", "pattern": UNPRINTABLE},
        },
        "session_date": {"description": "the trading day; empty: the current one", **_DATE, **SELDOM},
        "as_of_date": {
            "description": "the day whose data the signals use; empty: the session before the traded one",
            **_DATE,
            **SELDOM,
        },
        "revision": {
            "description": "2 or more trades a session again; empty: 1",
            "type": ["null", "integer"],
            "minimum": 1,
            "maximum": LAST_REVISION,
            **SELDOM,
        },
    }
    return {
        name: {"$schema": DRAFT, "default": RunRequest.model_fields[name].default, **schema}
        for name, schema in schemas.items()
    }


def _modes(own: Mode) -> dict[str, Any]:
    """Return the modes to choose from, each with its words; Airflow's form takes those of null from the key "null"."""
    offered = MODES[: MODES.index(own) + 1]
    words = {mode: f"{mode}: {_WHAT_MODES_DO[mode]}" for mode in offered}
    return {"enum": [None, *offered], "values_display": {"null": f"as in the strategies file ({own})", **words}}


def _all_symbols(strategy: Strategy) -> str:
    if not strategy.symbols:
        return "all that the signals name and the strategy holds"
    return f"all {len(strategy.symbols)}" if len(strategy.symbols) > 1 else "all, which is one"


def _capital(strategy: Strategy) -> str:
    most = most_capital(strategy)
    if strategy.own_book is not None:
        start = _usd(strategy.own_book.start)
        return f"USD, at most what its own book is worth, which began with {start}; empty: all of it"
    if strategy.equity is not None:
        bound = "" if strategy.equity.at_most is None else f", and {_usd(strategy.equity.at_most)}"
        share = f"{_percent(strategy.equity.share)} of the account's equity"
        return f"USD, at most {share}{bound}; empty: as much as that"
    return f"at most {_usd(most)}; empty: {_usd(most)}"


def _size(strategy: Strategy) -> str:
    size, most = strategy.max_position_size, most_of_one(strategy)
    if not isinstance(size, CapitalShare):
        return f"at most {_usd(size)} a symbol; empty: {_usd(size)}"
    share = f"{_percent(size.share)} of the capital"
    return f"USD a symbol, at most {share}{'' if most is None else f' ({_usd(most)})'}; empty: as much as that"


def _usd(amount: Decimal | None) -> str:
    text = f"{amount or 0:,.2f}".removesuffix(".00")
    return f"{text} USD"


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f} %"


def _amount(limit: Decimal | None) -> dict[str, Any]:
    amount: dict[str, Any] = {"type": ["null", "number"], "minimum": float(LEAST_AMOUNT)}
    if limit is None:
        return amount
    # JSON has no Decimal; this number only guides the form, the run compares exactly.
    return amount | {"maximum": int(limit) if limit == limit.to_integral_value() else float(limit)}
