"""The content of a file, here or in an object store: never more of it than a table of weights can be."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from urllib.parse import unquote, urlsplit

from include.adapters.outside import Outside, Stored
from include.adapters.signals.objects import open_object
from include.trading.errors import BadAnswer, NotFound, Unavailable
from include.trading.signals.table import MOST_BYTES


@dataclass(frozen=True)
class Content:
    """A whole file as it was at one moment."""

    content: bytes
    modified_at: datetime | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read_content(url: str, connection: str | None, outside: Outside) -> Content:
    """Return a file's content. Raises Unavailable when it is not there, BadAnswer when it is too large to be read."""
    try:
        with _opened(url, connection, outside) as stored:
            if stored.size is not None and stored.size > MOST_BYTES:
                raise _too_large(url, f"{stored.size:,}")
            content = stored.content.read(MOST_BYTES + 1)
    except (OSError, NotFound) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Unavailable(f"{url}: expected a file that can be read, found none: {why}") from error
    if len(content) > MOST_BYTES:
        raise _too_large(url, "more")
    return Content(content, stored.modified_at)


@contextmanager
def _opened(url: str, connection: str | None, outside: Outside) -> Iterator[Stored]:
    path = local_path(url)
    if path is None:
        with open_object(url) if connection is None else outside.objects(url, connection) as stored:
            yield stored
        return
    # A pipe would be waited for.
    if not S_ISREG(path.stat().st_mode):
        raise OSError(None, "it is no regular file")
    with path.open("rb") as content:
        stat = path.stat()
        yield Stored(content, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC))


def local_path(url: str) -> Path | None:
    """Return where a path or a file:// URL is; None where it is in a store."""
    parts = urlsplit(url)
    if "://" not in url:
        return Path(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.netloc in ("", "localhost") else None


def _too_large(url: str, found: str) -> BadAnswer:
    return BadAnswer(f"{url}: expected at most {MOST_BYTES:,} bytes, found {found}; nothing of it was read", "")
