"""Let a service outside know that we are alive, so that it notices when nothing here runs any more."""

from __future__ import annotations

import httpx

TIMEOUT_SECONDS = 10


def ping(url: str) -> str | None:
    """Ask the URL once; return why that failed, None when it did not. The URL itself is a secret and not repeated."""
    try:
        # Only the status counts: the body is left unread, however long it is.
        with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=True) as answer:
            return None if answer.is_success else f"it answered {answer.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
