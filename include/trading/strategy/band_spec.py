"""Which changes are too small to trade: the key `no_trade_band`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, Tag

from include.trading.models import Value
from include.trading.strategy.limits import Number

_Fraction = Annotated[Number, Field(ge=0, lt=1)]


class DriftBand(Value):
    """A band by how far a position is from its target, for each symbol alone or for the whole book."""

    drift: _Fraction = Field(
        description="how far a position may be from its target; from this on it is traded. A position whose target is "
        "0 is always closed"
    )
    of: Literal["capital", "position"] = Field(
        default="capital", description="drift is a fraction of capital | position: of what the symbol's target is worth"
    )
    scope: Literal["symbol", "book"] = Field(
        default="symbol",
        description="symbol: each one for itself | book: once one symbol has drifted that far and may be traded, the "
        "whole book goes to its targets; until then only closings are traded",
    )


# Tags without letters show in no path.
_NUMBER, _DRIFT = "", " "
_WANTED: Final = "a fraction of capital or {drift: …, of: …, scope: …}"


def _form(value: Any) -> str | None:
    if isinstance(value, Mapping | DriftBand):
        return _DRIFT
    return _NUMBER if isinstance(value, int | float | Decimal | str) and not isinstance(value, bool) else None


NoTradeBand = Annotated[
    Annotated[_Fraction, Tag(_NUMBER)] | Annotated[DriftBand, Tag(_DRIFT)],
    Discriminator(_form, custom_error_type="no_trade_band", custom_error_message=_WANTED),
]


def band_of(value: Decimal | DriftBand) -> DriftBand:
    """Return a number as the band that it stands for."""
    return value if isinstance(value, DriftBand) else DriftBand(drift=value)
