"""The limits of a strategy, each with its unit, default and the source of that default."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic_core import CoreSchema

from include.trading.models import Value

Off = Literal["off"]
OFF: Final[Off] = "off"


def _off_as_written(value: Any) -> Any:
    # YAML 1.1 reads a bare `off` as false.
    return OFF if value is False else value


# Of a size to calculate with: 1e999999 is a number, and no sum or product of it is.
Number = Annotated[Decimal, Field(max_digits=40, decimal_places=30)]
# What is not `off` is a number, and its one problem is the number's. A tag without letters shows in no path.
_EITHER = Discriminator(lambda value: OFF if value == OFF else "")


class _AnyOf:
    """A number written as text and `off` are both text to JSON Schema, so that `oneOf` would refuse them."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        written = handler(schema)
        return {"anyOf": written.pop("oneOf"), **written}


DecimalLimit = Annotated[
    Annotated[Number, Field(ge=0), Tag("")] | Annotated[Off, Tag(OFF)],
    _EITHER,
    _AnyOf(),
    BeforeValidator(_off_as_written),
]
IntegerLimit = Annotated[
    Annotated[int, Field(ge=0, strict=True), Tag("")] | Annotated[Off, Tag(OFF)],
    _EITHER,
    _AnyOf(),
    BeforeValidator(_off_as_written),
]

_BOOK = "T3 gives longs of +1 and shorts of −1 (service-contracts 1.3), plus 5 % for the no-trade band and price moves"
_TURN = "closing a book of 2 × capital and opening it again, plus 5 %"


def _limit(default: Decimal | int | Off, description: str, *, unit: str, source: str) -> Any:
    return Field(default=default, description=description, json_schema_extra={"unit": unit, "source": source})


class Limits(Value):
    """What no plan of the strategy may exceed; a value exactly at its limit passes. `off` switches a rule off."""

    order_notional_usd: DecimalLimit = _limit(
        Decimal(100_000),
        "most that one order may be worth",
        unit="USD",
        source="the Execution Gateway's own fat-finger default, max_notional of its GET /api/v1/fat-finger/thresholds",
    )
    least_notional_usd: DecimalLimit = _limit(
        Decimal(1),
        "least that one order may be worth",
        unit="USD",
        source="Alpaca's least order for a part of a share (docs.alpaca.markets/docs/fractional-trading)",
    )
    order_shares: IntegerLimit = _limit(
        10_000,
        "most shares in one order",
        unit="shares",
        source="the Execution Gateway's own fat-finger default, max_qty of its GET /api/v1/fat-finger/thresholds",
    )
    price_distance: DecimalLimit = _limit(
        Decimal("0.20"),
        "farthest that a price may be from the previous close",
        unit="fraction of the previous close",
        source="level 3 of the US market-wide circuit breaker (NYSE Rule 7.12): 20 % in a day closes the market",
    )
    gross_exposure: DecimalLimit = _limit(
        Decimal("2.10"), "most that longs and shorts together may be worth", unit="× capital", source=_BOOK
    )
    net_exposure: DecimalLimit = _limit(
        Decimal("1.05"), "most that longs less shorts may be worth, either way", unit="× capital", source=_BOOK
    )
    long_exposure: DecimalLimit = _limit(
        Decimal("1.05"), "most that the longs may be worth", unit="× capital", source=_BOOK
    )
    short_exposure: DecimalLimit = _limit(
        Decimal("1.05"), "most that the shorts may be worth", unit="× capital", source=_BOOK
    )
    number_of_orders: IntegerLimit = _limit(
        1_000,
        "most orders in one plan",
        unit="orders",
        source="Airflow's max_map_length (1024): a plan above it could not be sent",
    )
    turnover_per_run: DecimalLimit = _limit(
        Decimal("4.20"), "most that one plan may trade, buys and sells added", unit="× capital", source=_TURN
    )
    turnover_per_day: DecimalLimit = _limit(
        Decimal("4.20"),
        "most that all plans of one session may trade, this one included",
        unit="× capital",
        source=_TURN + "; a second full turn on one day needs a person",
    )
    volume_share: DecimalLimit = _limit(
        OFF,
        "most that one plan may add to a position; the sizing cuts its target accordingly, with the bound `liquidity`",
        unit="× the symbol's average daily volume in USD (docs/sizing/README.md)",
        source="how much a person is willing to move a price is the person's to say",
    )
    daily_loss: DecimalLimit = _limit(
        OFF,
        "most that the book may lose in a session; more makes the account reduce_only until a person resumes it",
        unit="× capital",
        source="how much a person can stand to lose is the person's to say",
    )
    drawdown: DecimalLimit = _limit(
        OFF,
        "most that the book's result may be below its highest; more makes the account reduce_only until a person "
        "resumes it, from whose word on it is counted again",
        unit="× capital",
        source="as daily_loss",
    )
