"""How a signal becomes an amount to hold: the keys `sizing`, `volatility_target` and `shadow`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from include.trading.models import Symbol, Value
from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.limits import Number
from include.trading.strategy.source_spec import SignalsSpec
from include.trading.strategy.values import DottedName
from include.trading.validation import shown

# Years of sessions that a model may look back, and the fewest that a variance can be made of.
_MOST_SESSIONS, _LEAST_SESSIONS = 1260, 20

Sessions = Annotated[int, Field(ge=_LEAST_SESSIONS, le=_MOST_SESSIONS, strict=True)]
Gross = Annotated[Number, Field(ge=0)]


class SizingSpec(Word):
    """What every model says of itself."""

    @property
    def sessions_needed(self) -> int:
        """How many sessions of closes it is made from; 0 for none."""
        sessions: int = getattr(self, "history", 0)
        return sessions

    @property
    def most_gross(self) -> Decimal | None:
        """The most that its own weights may add up to; None where the signals' weights say it."""
        longs, shorts = getattr(self, "long_gross", None), getattr(self, "short_gross", None)
        return None if longs is None or shorts is None else longs + shorts

    def refused_for(self, source: SignalsSpec) -> str | None:
        """Return what is expected instead where the signals of this source lack what the model needs."""
        return None


class TargetWeight(SizingSpec):
    """Capital times the signal's weight (ADR-0006)."""

    word: ClassVar[str] = "target_weight"


class EqualWeight(SizingSpec):
    """The same of every name of a side."""

    word: ClassVar[str] = "equal_weight"

    long_gross: Gross = Field(default=Decimal(1), description="what the longs add up to, a fraction of capital")
    short_gross: Gross = Field(default=Decimal(1), description="what the shorts add up to, a fraction of capital")


class SampleVolatility(Word):
    """The standard deviation of daily returns."""

    word: ClassVar[str] = "sample"


class EwmaVolatility(Word):
    """Newer returns count more."""

    word: ClassVar[str] = "ewma"

    span: int = Field(default=35, ge=2, le=_MOST_SESSIONS, strict=True, description="sessions; the newest weighs 2/36")


Volatility = Annotated[SampleVolatility | EwmaVolatility, OneOf()]


class HistorySpec(SizingSpec):
    """A model of past returns."""

    history: Sessions = Field(default=252, description="sessions of closes up to the as_of_date that it looks at")
    short_history: Literal["skip", "median"] = Field(
        default="skip",
        description="a name without a usable history: skip (it gets no order) | median (it counts as the median name)",
    )


class InverseVolatility(HistorySpec):
    """In proportion to 1 / volatility."""

    word: ClassVar[str] = "inverse_volatility"

    volatility: Volatility = Field(
        default=SampleVolatility(),
        description="sample (of all sessions alike) | {ewma: {span: 35}} (newer ones count more)",
    )
    volatility_floor: Number = Field(
        default=Decimal("0.01"), ge=0, lt=1, description="yearly; a name with less counts with this"
    )
    long_gross: Gross = Field(default=Decimal(1), description="what the longs add up to, a fraction of capital")
    short_gross: Gross = Field(default=Decimal(1), description="what the shorts add up to, a fraction of capital")


class RiskParity(HistorySpec):
    """The same risk from every name of a side, or by budgets."""

    word: ClassVar[str] = "risk_parity"

    budgets: dict[Symbol, Annotated[Number, Field(gt=0)]] = Field(
        default={}, description="parts of the risk by symbol, {AAPL: 2}; a name that is not in it has 1"
    )
    long_gross: Gross = Field(default=Decimal(1), description="what the longs add up to, a fraction of capital")
    short_gross: Gross = Field(default=Decimal(1), description="what the shorts add up to, a fraction of capital")


class Kelly(HistorySpec):
    """A fraction of the weights of the highest expected growth."""

    word: ClassVar[str] = "kelly"

    horizon: int = Field(
        ge=1, le=_MOST_SESSIONS, strict=True, description="sessions that the signals' predicted_return is a return of"
    )
    fraction: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=Decimal("0.25"), description="of the weights of the highest expected growth"
    )
    scale: Annotated[Number, Field(gt=0)] | None = Field(
        default=None,
        description="what predicted_return is multiplied by to be a return; needed with the Signal Service, which "
        "rescales its predictions in each answer",
    )
    long_gross: Gross = Field(default=Decimal(1), description="most that the longs add up to, a fraction of capital")
    short_gross: Gross = Field(default=Decimal(1), description="most that the shorts add up to, a fraction of capital")

    def refused_for(self, source: SignalsSpec) -> str | None:
        if source.rescales_predictions and self.scale is None:
            return (
                f"a `scale`, because {source.called} rescales its predictions in each answer, so that they are no "
                "returns; write what one of its units is worth: {kelly: {horizon: …, scale: …}}"
            )
        return None


class Confidence(SizingSpec):
    """Each name its confidence, scaled down only."""

    word: ClassVar[str] = "confidence"

    long_gross: Gross = Field(default=Decimal(1), description="most that the longs add up to, a fraction of capital")
    short_gross: Gross = Field(default=Decimal(1), description="most that the shorts add up to, a fraction of capital")

    def refused_for(self, source: SignalsSpec) -> str | None:
        if not source.has_confidence:
            return f"another sizing, because signals of {source.word} have no confidence"
        return None


class OwnSizing(SizingSpec):
    """Weights of a function of your own."""

    word: ClassVar[str] = "own"

    function: DottedName = Field(description="module.name:function")


class VolatilityTarget(Value):
    """A volatility that the weights of any model are scaled to."""

    yearly: Annotated[Number, Field(gt=0, lt=10)] = Field(
        description="the portfolio's expected volatility, a fraction of capital a year: 0.12"
    )
    max_gross: Annotated[Number, Field(gt=0)] = Field(
        default=Decimal(1), description="most that all weights add up to, a fraction of capital"
    )
    history: Sessions = Field(default=252, description="sessions of closes up to the as_of_date that it looks at")

    @model_validator(mode="before")
    @classmethod
    def _has_names(cls, value: Any) -> Any:
        if isinstance(value, int | float | str | Decimal) and not isinstance(value, bool):
            raise ValueError(f"{{yearly: {shown(value)}}}")
        return value


Model = TargetWeight | EqualWeight | InverseVolatility | RiskParity | Kelly | Confidence
Sizing = Annotated[Model | OwnSizing, OneOf()]
Shadow = Annotated[Model, OneOf()]
