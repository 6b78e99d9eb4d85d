"""The body of an answer, read no further than any answer may be long: on the wire, and unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import httpx

from include.trading.errors import BadAnswer
from include.trading.text import clean

MAX_BODY_BYTES = 5_000_000
# What we say we take. Unpacking stops at the limit, whatever a few kB would become.
ACCEPTED_ENCODING = "gzip"
_GZIP = 16 + zlib.MAX_WBITS


def read_body(asked: str, response: httpx.Response) -> bytes:
    """Return the whole body, unpacked.

    Raises BadAnswer for more than MAX_BODY_BYTES or an encoding that was not asked for, httpx.DecodingError for a body
    that is cut or is not in the encoding it names.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower() or "identity"
    if encoding not in ("identity", ACCEPTED_ENCODING):
        raise BadAnswer(
            f"{asked} answered in the encoding {clean(encoding)[:50]!r}, expected {ACCEPTED_ENCODING} or none", ""
        )
    # The stream as it came: httpx would unpack it without a limit.
    packed = _limited(asked, response.stream)  # type: ignore[arg-type]
    return packed if encoding == "identity" or not packed else _unpacked(asked, packed)


def _limited(asked: str, chunks: Iterable[bytes]) -> bytes:
    received = bytearray()
    for chunk in chunks:
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise _too_long(asked, received)
    return bytes(received)


def _unpacked(asked: str, packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(packed, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if len(body) > MAX_BODY_BYTES:
        raise _too_long(asked, body)
    if not unpacker.eof or unpacker.unused_data:
        raise httpx.DecodingError("the gzip stream is cut, or more follows it")
    return body


def _too_long(asked: str, start: bytes | bytearray) -> BadAnswer:
    words = clean(start[:1000].decode("utf-8", errors="replace"))
    return BadAnswer(f"{asked} answered with more than {MAX_BODY_BYTES} bytes", words)
