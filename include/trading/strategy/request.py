"""What one run may ask of its strategy: the params of a DAG run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StrictBool, ValidationError, ValidationInfo, field_validator

from include.trading.errors import InvalidData
from include.trading.models import Mode, Value
from include.trading.strategy.values import IsoDate, Symbols
from include.trading.validation import field_problems

# As JSON Schema reads it too, so that the form and the task take the same (narrowing.py).
UNPRINTABLE: Final = "[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]"
LONGEST_REASON: Final = 500
LAST_REVISION: Final = 9999
LEAST_AMOUNT: Final = Decimal("0.01")


def _amount(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("a number")
    number = Decimal(str(value))
    if number.is_finite() and number < LEAST_AMOUNT:
        raise ValueError("greater than 0" if number <= 0 else f"at least {LEAST_AMOUNT:f}")
    return number


def _one_line(value: Any) -> Any:
    if isinstance(value, str) and re.search(UNPRINTABLE, value):
        raise ValueError("one line of printable text")
    return value


def _whole(value: Any) -> Any:
    # JSON has one kind of number: to a schema 1.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


# What a trigger asks for: a number as JSON has it, where Money also reads text. The strategy's own is the upper bound.
Amount = Annotated[Decimal, BeforeValidator(_amount)]


class RunRequest(Value):
    """The params of one DAG run. None means: as the strategy says."""

    symbols: Symbols | None = Field(default=None, min_length=1, description="only these symbols are planned")
    session_date: IsoDate | None = Field(default=None, description="the trading day; by default the current one")
    as_of_date: IsoDate | None = Field(
        default=None, description="the day whose data the signals use; by default the session before the traded one"
    )
    capital: Amount | None = Field(default=None, description="USD, at most the strategy's")
    max_position_size: Amount | None = Field(default=None, description="USD a symbol, at most the strategy's")
    mode: Mode | None = Field(default=None, description="the strategy's mode or a safer one")
    revision: Annotated[int, BeforeValidator(_whole)] | None = Field(
        default=None, ge=1, le=LAST_REVISION, strict=True, description="2 or more trades a session again; by default 1"
    )
    flatten: StrictBool = Field(default=False, description="close everything the strategy holds; needs no signals")
    reason: Annotated[str, BeforeValidator(_one_line)] | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_REASON,
        strict=True,
        description="why this run was started; recorded with it",
    )

    @field_validator("as_of_date")
    @classmethod
    def _before_the_session(cls, as_of_date: date | None, info: ValidationInfo) -> date | None:
        session = info.data.get("session_date")
        if as_of_date is not None and session is not None and as_of_date >= session:
            raise ValueError(f"a day before the session {session}: its own data does not exist yet when it is traded")
        return as_of_date

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> RunRequest:
        """Return the request that a DAG run's params make. Raises InvalidData naming every wrong field."""
        try:
            return cls.model_validate(dict(params))
        except ValidationError as error:
            problems = field_problems(error, tuple(cls.model_fields))
            raise InvalidData("the run's params: " + "; ".join(map(str, problems))) from error
