"""Writes docs/strategies.md, the table of all keys, from the models: python -m include.trading.strategy.keys_table"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.later import BOOKS, BOOKS_ARE, LATER
from include.trading.strategy.limits import Limits
from include.trading.strategy.spec import Strategy

_HEAD = """# The strategies file

One YAML file with a list under `strategies`; each entry is a strategy and has a DAG of its own.
`TRADING_STRATEGIES_FILE` names it. [include/config/strategies.yaml](../include/config/strategies.yaml) states every key
with its default. [strategies.schema.json](strategies.schema.json) is the JSON Schema, for editors that complete and
check while you type:

    # yaml-language-server: $schema=strategies.schema.json

- Needed are `id`, `signals` and `capital`; with the Signal Service also `symbols`, `top_n` and `bottom_n`.
- A choice is a word, or `{word: {its parameters}}`: `sizing: target_weight`, or
  `sizing: {own: {function: "my_models.sizing:equal_amounts"}}`.
- Amounts are USD, fractions are of 1.
- An unknown key is an error, and so is one of an earlier version: its message shows the line to write. An entry that is
  wrong removes only its own DAG; Airflow's import errors, `python -m include.ops check` and the pages say why.

The strategy of ADR-0006 ([examples/strategies/adr.yaml](examples/strategies/adr.yaml)):

```yaml
strategies:
  - id: daily_trading
    symbols: [AAPL, MSFT, GOOGL, AMZN, TSLA]
    signals: {service: {connection: signal_service, top_n: 2, bottom_n: 2}}
    venue: execution_gateway
    prices: {alpaca: {connection: market_data}}
    capital: 100000
    max_position_size: 50000
```

## Keys

"""
_LIMITS = "| `limits.…` | | what no plan may exceed: [limits.md](limits.md) |"
_LATER = """
## Known, and not yet supported

These keys and words are refused with a sentence that says so. What they will mean is not settled until then.

"""
_FOOT = """
This file is generated; `python -m include.trading.strategy.keys_table > docs/strategies.md` writes it, and
`python -m include.trading.strategy.json_schema > docs/strategies.schema.json` the schema.
"""


def keys_table() -> str:
    """Return the whole document."""
    rows = ["| Key | Default | Meaning |", "|---|---|---|", *_rows(Strategy, ())]
    later = ["| Key or word | What it is |", "|---|---|"]
    later += [f"| `{'.'.join(path)}` | {what} |" for path, what in LATER.items()]
    later += [f"| `{BOOKS}`, beside `strategies` | {BOOKS_ARE} |"]
    return _HEAD + "\n".join(rows) + "\n" + _LATER + "\n".join(later) + "\n" + _FOOT


def _rows(model: type[BaseModel], prefix: tuple[str, ...]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        if path in LATER:
            continue
        if field.annotation is Limits:
            yield _LIMITS
            continue
        every = _kinds(field)
        kinds = [kind for kind in map(_bare, every) if isinstance(kind, type)]
        groups = [kind for kind in kinds if issubclass(kind, BaseModel) and not issubclass(kind, Word)]
        if len(groups) < len(every):
            yield f"| `{'.'.join(path)}` | {_default(field)} | {_cell(field.description or '')} |"
        for kind in kinds:
            if kind in groups:
                yield from _rows(kind, path)
            elif issubclass(kind, Word) and kind.only is None and (*path, kind.word) not in LATER:
                yield from _rows(kind, (*path, kind.word))


def _kinds(field: FieldInfo) -> tuple[Any, ...]:
    choice = next((mark for mark in field.metadata if isinstance(mark, OneOf)), OneOf())
    return choice.kinds(field.annotation)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    return _written(field.default)


def _written(value: Any) -> str:
    if isinstance(value, Word):
        return f"`{_flow(value.written('json'))}`"
    if value is None:
        return "none"
    if value == ():
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:f}`" if isinstance(value, Decimal) else f"`{value}`"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    return str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(keys_table(), end="")
