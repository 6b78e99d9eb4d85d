"""Signals from a file."""

from __future__ import annotations

from include.adapters.outside import Outside
from include.adapters.signals.content import local_path, read_content
from include.adapters.signals.tables import Opened, answered_by_file
from include.trading.models import SignalSet
from include.trading.ports import SignalRequest, SourceHealth
from include.trading.strategy.signals_file import FileSignals


class FileSource(Opened):
    """Reads the file of the day each time it is asked."""

    def __init__(self, spec: FileSignals, outside: Outside) -> None:
        self._spec, self._outside = spec, outside

    def check_ready(self) -> SourceHealth:
        """Return where it is looked for; whether it is there, only its day can say."""
        return SourceHealth(words=f"{self._spec.path}, {'local' if local_path(self._spec.path) else 'in a store'}")

    def fingerprint(self, ask: SignalRequest) -> str:
        url = self._spec.at(ask.as_of_date, ask.session)
        return read_content(url, self._spec.connection, self._outside).sha256

    def signals(self, ask: SignalRequest) -> SignalSet:
        url = self._spec.at(ask.as_of_date, ask.session)
        return answered_by_file(url, read_content(url, self._spec.connection, self._outside), self._spec, ask)
