"""What every source of signals or prices says of itself, whatever its parameters are."""

from __future__ import annotations

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
