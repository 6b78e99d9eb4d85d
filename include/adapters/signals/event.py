"""Signals that an asset event announces: the file that was announced is the file that is read, or none is."""

from __future__ import annotations

from include.adapters.outside import Outside
from include.adapters.signals.content import read_content
from include.adapters.signals.tables import Opened, answered_by_file
from include.trading.errors import BadAnswer
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest, SourceHealth
from include.trading.strategy.signals_event import EventSignals


class EventSource(Opened):
    """Reads the file that the run's event names."""

    def __init__(self, spec: EventSignals, outside: Outside) -> None:
        self._spec, self._outside = spec, outside

    def check_ready(self) -> SourceHealth:
        return SourceHealth(words=f"files under {self._spec.under}, when an event names one")

    def fingerprint(self, ask: SignalRequest) -> str:
        return read_content(self._url_of(ask)[0], self._spec.connection, self._outside).sha256

    def _url_of(self, ask: SignalRequest) -> tuple[str, str]:
        try:
            return self._spec.url_of(ask.event)
        except ValueError as error:
            raise BadAnswer(str(error), str(ask.event)) from error

    def signals(self, ask: SignalRequest) -> SignalSet:
        url, sha256 = self._url_of(ask)
        found = read_content(url, self._spec.connection, self._outside)
        if found.sha256 != sha256:
            raise BadAnswer(
                f"{url}: expected the content that the event announced, of sha256 {sha256}, found {found.sha256}: it "
                "was written again, or is another file",
                "",
            )
        return answered_by_file(url, found, self._spec, ask)
