"""What a deployment may set of the API and the pages, read once when the API server starts."""

from __future__ import annotations

from collections.abc import Mapping

from include.trading.errors import InvalidData

PREFIX = "TRADING_WEB_"
OPEN = f"{PREFIX}OPEN"
ROOT_HEALTH = f"{PREFIX}ROOT_HEALTH"
HEALTH_SECONDS = f"{PREFIX}HEALTH_SECONDS"
OPENABLE = frozenset({"health", "metrics"})


class WebSettings:
    """open_pages: what answers without a login. root_health: answer `/health` at the server's root too.

    health_seconds: how long the health check waits for all services together.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Raises InvalidData naming the variable that does not fit."""
        self.open_pages = frozenset(part.strip() for part in environ.get(OPEN, "").split(",") if part.strip())
        if unknown := sorted(self.open_pages - OPENABLE):
            raise InvalidData(f"{OPEN}: expected some of {', '.join(sorted(OPENABLE))}, got {', '.join(unknown)}")
        self.root_health = _yes_or_no(ROOT_HEALTH, environ.get(ROOT_HEALTH, "no"))
        self.health_seconds = _seconds(HEALTH_SECONDS, environ.get(HEALTH_SECONDS, "3"))


def _yes_or_no(name: str, text: str) -> bool:
    if text not in ("yes", "no"):
        raise InvalidData(f"{name}: expected yes or no, got {text!r}")
    return text == "yes"


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 60:
        raise InvalidData(f"{name}: expected seconds, above 0 and at most 60, got {text!r}")
    return seconds
