"""Signals that an asset event announces: `signals: {event: …}`."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from include.trading.strategy.signals_dated import ByEvent, EventDated
from include.trading.strategy.signals_table import TableSignals
from include.trading.strategy.values import ConnectionId

_FOLDER: Final = re.compile(r"(/|[A-Za-z][A-Za-z0-9+.\-]+://[^/]).*/", re.DOTALL)


def _folder(value: Any) -> Any:
    if value == "/" or not isinstance(value, str) or not _FOLDER.fullmatch(value) or ".." in value.split("/"):
        raise ValueError("a folder, as an absolute path or a URL that ends with a slash, like s3://quant/scores/")
    return value


class EventSignals(TableSignals):
    """The file that the event which started the run names by its `url` and `sha256`."""

    word: ClassVar[str] = "event"

    under: Annotated[str, BeforeValidator(_folder)] = Field(
        description="folder that the event's url must be in: an event cannot name any other file"
    )
    connection: ConnectionId | None = Field(
        default=None, description="Airflow connection of the object store; by default none"
    )
    dated: EventDated = Field(
        default=ByEvent(),
        description="what says which day it is of: event (its `session` or `as_of_date`) | column",
    )

    @property
    def asked(self) -> str:
        return f"the file under {self.under} that an event names"

    @property
    def needs_event(self) -> bool:
        return True

    def url_of(self, event: dict[str, Any] | None) -> tuple[str, str]:
        """Return the URL and the hash that an event announces; raises ValueError when it names no file to read."""
        if event is None:
            raise ValueError(
                "expected an asset event of this session with `url` and `sha256`, found none: send one, it starts a run"
            )
        url, sha256 = event.get("url"), event.get("sha256")
        if not isinstance(url, str) or not url:
            raise ValueError(
                f"expected `url` in the event's extra, found {', '.join(map(str, event)) or 'nothing'}"[:300]
            )
        if not isinstance(sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", sha256.lower()):
            raise ValueError("expected `sha256` in the event's extra, 64 hexadecimal digits, found none")
        if not url.startswith(self.under) or re.search(r"(^|/|%2f)(\.|%2e){2}(/|%2f|$)", url, re.IGNORECASE):
            raise ValueError(f"expected a url under {self.under}, found {url[:200]}")
        return url, sha256.lower()
