"""What the sources that answer with rows of a symbol and a weight or a score have in common."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictBool

from include.trading.strategy.limits import Number
from include.trading.strategy.signals_dated import ByColumn, ByEvent, Dated
from include.trading.strategy.source_spec import SignalsSpec
from include.trading.strategy.values import Count

Seconds = Annotated[int, Field(gt=0, le=3600, strict=True)]


class TableSignals(SignalsSpec):
    """A source whose answer is a table.

    Without symbols of the strategy's own, the universe is what the answer names and what is held.
    """

    has_confidence: ClassVar[bool] = True

    dated: Dated = Field(default=ByColumn(), description="what says which day the answer is of")
    dates_are: Literal["as_of", "session"] = Field(
        default="as_of", description="a date is the day of the data (as_of) | the session to trade (session)"
    )
    complete: StrictBool = Field(
        default=True, description="a name that the answer leaves out has weight 0; false: it stays as it is"
    )
    max_vanished: Number = Field(
        default=Decimal("0.5"),
        ge=0,
        le=1,
        description="fraction of the names held; an answer that leaves out more of them at once is refused",
    )
    top_n: Count | None = Field(
        default=None, description="scores only, which need it: names to hold long, in equal parts; of weights, the most"
    )
    bottom_n: Count | None = Field(
        default=None,
        description="scores only, which need it: names to hold short, in equal parts; of weights, the most",
    )

    @property
    def asked(self) -> str:
        """What is read, for a sentence."""
        raise NotImplementedError

    @property
    def words(self) -> str:
        return f"signals of {self.asked}"

    @property
    def needs_event(self) -> bool:
        return isinstance(self.dated, ByEvent)

    @property
    def most_names(self) -> tuple[int | None, int | None]:
        return self.top_n, self.bottom_n

    @property
    def called(self) -> str:
        return self.asked

    def symbols_wanted(self, symbols: Sequence[str]) -> str | None:
        return None
