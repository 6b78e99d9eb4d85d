"""How a signal becomes an amount to hold: the key `sizing`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from include.trading.strategy.choice import OneOf, Word
from include.trading.strategy.values import DottedName


class TargetWeight(Word):
    """Capital times the signal's weight (ADR-0006)."""

    word: ClassVar[str] = "target_weight"


class OwnSizing(Word):
    """Weights of a function of your own."""

    word: ClassVar[str] = "own"

    function: DottedName = Field(description="module.name:function")


Sizing = Annotated[TargetWeight | OwnSizing, OneOf()]
