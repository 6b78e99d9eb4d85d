"""The types that keys of the strategies file and params of a run have in common."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from include.trading.models import Symbol
from include.trading.strategy.limits import Number

# As JSON Schema reads it too, so that the form and the task take the same (narrowing.py).
SYMBOL: Final = "^[A-Z][A-Z0-9.-]{0,14}$"
ISO_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
DOTTED: Final = "^[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"


def check_symbols(value: Any) -> Any:
    """Refuse, in words, anything but a list of distinct symbols; pydantic checks the types again."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list of symbols")
    for symbol in value:
        if isinstance(symbol, bool):
            raise ValueError("symbols as text: put ON, OFF, YES and NO in quotes, YAML reads them as true or false")
        if not isinstance(symbol, str) or not re.fullmatch(SYMBOL.strip("^$"), symbol):
            raise ValueError(
                f"symbols of 1 to 15 capital letters, digits, dots, hyphens, no space, a letter first; not {symbol!r}"
            )
    if twice := sorted(symbol for symbol, times in Counter(value).items() if times > 1):
        raise ValueError(f"each symbol once; {', '.join(twice)} came twice")
    return tuple(value)


def check_date(value: Any) -> Any:
    """Refuse, in words, anything but a date, its ISO text or None."""
    # pydantic would take a number for seconds since 1970.
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str) and re.fullmatch(ISO_DATE.rstrip("$"), value):
        return value
    raise ValueError("a date as YYYY-MM-DD")


def _closures(value: Any) -> Any:
    """Refuse, in words, anything but a list of distinct dates; a date is checked again as one."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list of dates")
    days = [str(check_date(day)) for day in value]
    if twice := sorted(day for day, times in Counter(days).items() if times > 1):
        raise ValueError(f"each date once; {', '.join(twice)} came twice")
    return tuple(sorted(days))


def _dotted(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(DOTTED, value):
        return value
    raise ValueError("a module and a function of it, like my_models.sizing:equal_amounts")


IsoDate = Annotated[date, BeforeValidator(check_date)]
Closures = Annotated[tuple[date, ...], BeforeValidator(_closures)]
Symbols = Annotated[tuple[Symbol, ...], BeforeValidator(check_symbols)]
# Decimal takes a number as it is written: pydantic reads a float by its shortest text, and refuses true and false.
Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]
Share = Annotated[Number, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=0, strict=True)]
# A name that differs by an invisible blank would be another account.
ConnectionId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Airflow refuses a DAG with a longer one.
Tag = Annotated[str, Field(min_length=1, max_length=100)]
DottedName = Annotated[str, Field(pattern=DOTTED), BeforeValidator(_dotted)]
