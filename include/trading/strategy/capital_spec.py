"""What a strategy's weights are a share of, and how much of it one symbol may be: `capital`, `max_position_size`."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.values import Money, Share


class EquityCapital(Word):
    """A share of the account's equity at planning, frozen with the plan."""

    word: ClassVar[str] = "equity"

    share: Share = Field(description="fraction of the account's equity, above 0, at most 1")
    at_least: Money | None = Field(
        default=None, description="USD; with less than this the plan has reductions only; by default no such limit"
    )
    at_most: Money | None = Field(default=None, description="USD; more is not used; by default no such limit")

    @field_validator("at_most")
    @classmethod
    def _above_at_least(cls, at_most: Decimal | None, info: ValidationInfo) -> Decimal | None:
        least = info.data.get("at_least")
        if at_most is not None and least is not None and at_most < least:
            raise ValueError(f"at least {least}, which is at_least")
        return at_most


class OwnCapital(Word):
    """A book of the strategy's own, which compounds: what it began with, its result, and what a person put in."""

    word: ClassVar[str] = "own"

    start: Money = Field(description="USD that the book begins with")


class CapitalShare(Word):
    """A share of the strategy's capital."""

    word: ClassVar[str] = "capital"
    only: ClassVar[str | None] = "share"

    share: Share = Field(description="a fraction of it")


Capital = Annotated[Money | EquityCapital | OwnCapital, OneOf(example="USD as a number")]
PositionSize = Annotated[Money | CapitalShare, OneOf(example="USD as a number")]
WHOLE_CAPITAL = CapitalShare(share=Decimal(1))
