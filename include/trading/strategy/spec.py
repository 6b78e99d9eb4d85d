"""A strategy: all that an entry of the strategies file may say; and what one run may ask of it (narrowing.py)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from include.trading.calendar.exchanges import EXCHANGES, latest_offset, session_offset
from include.trading.errors import InvalidData
from include.trading.models import Mode, Symbol, Value
from include.trading.sizing.target_weight import SIZINGS
from include.trading.strategy.limits import Limits, Number
from include.trading.validation import field_problems

OrderBasis = Literal["rebalance", "target"]
AbsentSignal = Literal["close", "keep"]

# The safest first; a run may choose a safer one than its strategy's, never the other way.
MODES: Final[tuple[Mode, ...]] = ("replay", "plan", "dry_run", "paper", "live")

_SYMBOL = re.compile(r"[A-Z][A-Z0-9.\-]{0,14}")


def check_symbols(value: Any) -> Any:
    """Refuse, in words, anything but a list of distinct symbols; pydantic checks the types again."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list of symbols")
    for symbol in value:
        if isinstance(symbol, bool):
            raise ValueError("symbols as text: put ON, OFF, YES and NO in quotes, YAML reads them as true or false")
        if not isinstance(symbol, str) or not _SYMBOL.fullmatch(symbol):
            raise ValueError(
                f"symbols of 1 to 15 capital letters, digits, dots, hyphens, no space, a letter first; not {symbol!r}"
            )
    if twice := sorted(symbol for symbol, times in Counter(value).items() if times > 1):
        raise ValueError(f"each symbol once; {', '.join(twice)} came twice")
    return tuple(value)


# As JSON Schema reads them too, so that the form and the task take the same (narrowing.py).
ISO_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
UNPRINTABLE: Final = "[\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029\\ud800-\\udfff]"
LONGEST_REASON: Final = 500
LAST_REVISION: Final = 9999
LEAST_AMOUNT: Final = Decimal("0.01")


def _iso_date(value: Any) -> Any:
    # pydantic would take a number for seconds since 1970.
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value
    if isinstance(value, str) and re.fullmatch(ISO_DATE.rstrip("$"), value):
        return value
    raise ValueError("a date as YYYY-MM-DD")


def _amount(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("a number")
    number = Decimal(str(value))
    if number.is_finite() and number < LEAST_AMOUNT:
        raise ValueError("greater than 0" if number <= 0 else f"at least {LEAST_AMOUNT}")
    return number


def _one_line(value: Any) -> Any:
    if isinstance(value, str) and re.search(UNPRINTABLE, value):
        raise ValueError("one line of printable text")
    return value


def _whole(value: Any) -> Any:
    # JSON has one kind of number: to a schema 1.0 is an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _closures(value: Any) -> Any:
    """Refuse, in words, anything but a list of distinct dates; a date is checked again as one."""
    if not isinstance(value, list | tuple):
        raise ValueError("a list of dates")
    days = [str(_iso_date(day)) for day in value]
    if twice := sorted(day for day, times in Counter(days).items() if times > 1):
        raise ValueError(f"each date once; {', '.join(twice)} came twice")
    return tuple(sorted(days))


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Closures = Annotated[tuple[date, ...], BeforeValidator(_closures)]
Symbols = Annotated[tuple[Symbol, ...], BeforeValidator(check_symbols)]
# Decimal takes a number as it is written: pydantic reads a float by its shortest text, and refuses true and false.
Money = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2)]
# What a trigger asks for: a number as JSON has it, where Money also reads text. The strategy's own is the upper bound.
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Count = Annotated[int, Field(ge=0, strict=True)]
# Another one by a blank that nobody sees would be another account.
ConnectionId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# Airflow refuses a DAG with a longer one.
Tag = Annotated[str, Field(min_length=1, max_length=100)]


class Strategy(Value):
    """One entry of the strategies file. Two strategies may not share a symbol on one account."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="part of order ids and of the DAG's name")
    title: str | None = Field(default=None, max_length=200, description="what people call it")
    owner: str = Field(default="trading", min_length=1, description="who answers for it; shown by Airflow")
    tags: tuple[Tag, ...] = Field(default=(), description="further tags of the DAG")

    calendar: str = Field(default="XNYS", min_length=1, description="exchange calendar whose sessions are traded")
    closures: Closures = Field(default=(), description="days that the calendar takes for sessions and that are none")
    schedule: str | None = Field(
        default="session",
        description="session (at the open) | session+15 (minutes after it) | a cron of five fields | null (by hand)",
    )
    mode: Mode = Field(default="plan", description="replay < plan < dry_run < paper < live; only the last two trade")

    symbols: Symbols = Field(min_length=1, description="what it may trade; asked of the Signal Service")
    top_n: Count = Field(description="names to hold long, 0 or more; always sent to the Signal Service")
    bottom_n: Count = Field(description="names to hold short; top_n + bottom_n at most the number of symbols")

    capital: Money = Field(description="USD that weights are a share of, above 0")
    max_position_size: Money = Field(description="USD, the most to hold of one symbol, long or short, above 0")
    order_basis: OrderBasis = Field(
        default="rebalance",
        description="rebalance: target less held less open orders | target: the full target each time (ADR-0006)",
    )
    sizing: str = Field(default="target_weight", description="name of a sizing model of include/trading/sizing")
    absent_signal: AbsentSignal = Field(
        default="close", description="a holding whose symbol is no longer in `symbols`: close it | keep it"
    )
    no_trade_band: Number = Field(
        default=Decimal("0.001"), ge=0, lt=1, description="fraction of capital; smaller changes are not traded"
    )
    max_gross_weight: Number = Field(
        default=Decimal(2), gt=0, description="most that |weights| of one answer may add up to; more is refused whole"
    )

    limits: Limits = Field(default=Limits(), description="docs/limits.md lists them")
    restricted_symbols: Symbols = Field(
        default=(),
        description="symbols that get no order at all",
        json_schema_extra={"unit": "symbols", "source": "the strategy's own list"},
    )
    not_shortable_symbols: Symbols = Field(
        default=(),
        description="symbols that are never sold short",
        json_schema_extra={"unit": "symbols", "source": "the strategy's own list"},
    )

    orders_per_minute: int = Field(
        default=80, ge=1, strict=True, description="most orders sent a minute; the gateway's own limit at v2 is 80"
    )
    send_minutes: int = Field(
        default=45, ge=1, le=390, strict=True, description="minutes after its scheduled time in which a run may send"
    )
    wait_for_reductions: StrictBool = Field(
        default=False, description="increases wait until the plan's reductions are final; for a cash account"
    )
    sandbox_only: StrictBool = Field(
        default=False, description="refuse a gateway that does not call itself the sandbox"
    )
    market_hours: StrictBool = Field(default=True, description="send in the session only; false needs sandbox_only")

    signal_connection: ConnectionId = Field(default="signal_service", description="Airflow connection of T3")
    gateway_connection: ConnectionId = Field(
        default="execution_gateway", description="Airflow connection of T4; one account each"
    )
    market_data_connection: ConnectionId = Field(
        default="market_data", description="Airflow connection of the market data"
    )

    @field_validator("calendar")
    @classmethod
    def _calendar_is_known(cls, calendar: str) -> str:
        if calendar not in EXCHANGES:
            raise ValueError(f"one of {', '.join(EXCHANGES)}")
        return calendar

    @field_validator("schedule")
    @classmethod
    def _schedule_is_readable(cls, schedule: str | None, info: ValidationInfo) -> str | None:
        calendar = info.data.get("calendar")
        if schedule is None or calendar is None:
            return schedule
        try:
            session_offset(schedule, calendar)
        except InvalidData:
            raise ValueError(
                f"session, session+<minutes> (to {latest_offset(calendar)} on {calendar}), a cron of five fields that "
                "names a date there is, or null"
            ) from None
        return schedule

    @field_validator("bottom_n")
    @classmethod
    def _names_suffice(cls, bottom_n: int, info: ValidationInfo) -> int:
        symbols, top_n = info.data.get("symbols"), info.data.get("top_n")
        if symbols is not None and top_n is not None and top_n + bottom_n > len(symbols):
            raise ValueError(f"top_n + bottom_n of at most {len(symbols)}, the number of symbols (top_n is {top_n})")
        return bottom_n

    @field_validator("sizing")
    @classmethod
    def _sizing_exists(cls, sizing: str) -> str:
        if sizing not in SIZINGS:
            raise ValueError(f"one of {', '.join(SIZINGS)}")
        return sizing

    @field_validator("sandbox_only")
    @classmethod
    def _sandbox_is_not_live(cls, sandbox_only: bool, info: ValidationInfo) -> bool:
        if sandbox_only and info.data.get("mode") == "live":
            raise ValueError("false, because the mode is live and the sandbox is not")
        return sandbox_only

    @field_validator("market_hours")
    @classmethod
    def _only_the_sandbox_never_closes(cls, market_hours: bool, info: ValidationInfo) -> bool:
        if not market_hours and not info.data.get("sandbox_only"):
            raise ValueError("true, because only a sandbox_only strategy may send outside market hours")
        return market_hours

    @property
    def dag_id(self) -> str:
        return "daily_trading" if self.id == "daily_trading" else f"daily_trading__{self.id}"


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
