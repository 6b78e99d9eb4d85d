"""What every source of signals or prices says of itself, whatever its parameters are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from include.trading.strategy.choice import Word


class SourceSpec(Word):
    """One source and its parameters."""

    @property
    def connection_id(self) -> str | None:
        """The Airflow connection it is reached through: its parameter `connection`, where it has one."""
        connection: str | None = getattr(self, "connection", None)
        return connection

    @property
    def name(self) -> str:
        """What a page calls it."""
        return self.connection_id or self.word

    @property
    def called(self) -> str:
        """What a sentence calls it."""
        return f"the source {self.word}"

    @property
    def where(self) -> str:
        """What a person corrects when it does not answer, for a sentence."""
        return self.called if self.connection_id is None else f"the connection {self.connection_id}"


class SignalsSpec(SourceSpec):
    """A source of signals; one without parameters needs no more than its word.

    has_confidence: whether its signals may say how sure they are.
    rescales_predictions: whether a predicted_return of one answer means something else in the next.
    """

    has_confidence: ClassVar[bool] = False
    rescales_predictions: ClassVar[bool] = False

    @property
    def words(self) -> str:
        """What is asked for, for `ops check`."""
        return f"signals of {self.word}"

    @property
    def needs_event(self) -> bool:
        """Whether only a run that an asset event started can read it."""
        return False

    @property
    def most_names(self) -> tuple[int | None, int | None]:
        """How many names an answer may hold long and short; None: no such limit."""
        return None, None

    def symbols_wanted(self, symbols: Sequence[str]) -> str | None:
        """Return what the strategy's symbols should be instead, None when they will do."""
        return None if symbols else "at least 1 symbol, because no other is traded"
