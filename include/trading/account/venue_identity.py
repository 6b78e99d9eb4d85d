"""Who is on the other side of an account: where its gateway is, and what the gateway says of itself."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from include.trading.models import Value, VenueInfo

# Instead of an address: the account was taken off its gateway, and only a person gives it another.
RELEASED = "released"
PORTS = {"http": 80, "https": 443}


class VenueIdentity(Value):
    """A gateway as an account knows it. None: it was not asked, or does not say."""

    address: str
    strategy_id: str | None = None
    broker_url: str | None = None
    version: str | None = None

    def record(self) -> dict[str, Any]:
        """Return it as it is kept with plans and attempts."""
        return self.model_dump(exclude_none=True)


def identity_at(address: str, info: VenueInfo) -> VenueIdentity:
    """Return who is at the address, from what it says of itself."""
    return VenueIdentity(
        address=address, strategy_id=info.strategy_id, broker_url=info.broker_url, version=info.version
    )


def normal_address(url: str) -> str:
    """Return scheme://host:port/path in the one form that addresses are compared in; raises ValueError for no URL."""
    parts = urlsplit(url.strip())
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if not scheme or not host:
        raise ValueError(f"expected an address like http://localhost:8002, got {url!r}")
    port = parts.port or PORTS.get(scheme)
    place = f"[{host}]" if ":" in host else host
    return f"{scheme}://{place}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def unlike(expected: VenueIdentity, found: VenueIdentity) -> str | None:
    """Return how the gateway found differs from the one expected, None when it is the same.

    What is expected and not said counts as a difference; a version is for the record, gateways are upgraded.
    """
    differing = [
        f"{words} {wanted}, found {got or 'none'}"
        for words, wanted, got in (
            ("address", expected.address, found.address),
            ("strategy id", expected.strategy_id, found.strategy_id),
            ("broker URL", expected.broker_url, found.broker_url),
        )
        if wanted is not None and wanted != got
    ]
    return "; ".join(differing) or None
