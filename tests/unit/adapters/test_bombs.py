"""A body that would fill the memory is left where no answer can go on, in a process that has little memory to give."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import zlib
from functools import cache
from pathlib import Path

import httpx
import pytest

from include.adapters.http.bodies import MAX_BODY_BYTES, read_body
from include.trading.errors import BadAnswer
from tests.support.talking import Talk, client, serving

PROJECT = Path(__file__).parents[3]
MEBIBYTE = bytes(1 << 20)
OK = b"HTTP/1.1 200 OK\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\n"
# Reads one answer with 128 MiB of address space more than it takes to get there; prints how it ended.
CHILD = """
import resource, sys
from include.adapters.http.endpoint import Endpoint
from include.adapters.http.client import HttpService
from include.trading.errors import TradingError

endpoint = Endpoint(
    connection_id="c", service="signal_service", base_url=sys.argv[1], contract="v2",
    read_timeout_seconds=60, total_timeout_seconds=60,
)
client = HttpService(endpoint, correlation_id="run-1")
client._open()
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (128 << 20), now + (128 << 20)))
try:
    client._exchange("GET", "/x").json()
except TradingError as error:
    print(type(error).__name__, error)
"""


@cache
def packed(mebibytes: int) -> bytes:
    """Return so many MiB of zeros, packed: a thousandth of them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, again = (packer.compress(MEBIBYTE) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (mebibytes - 1)


def whole(head: bytes, body: bytes) -> Talk:
    return lambda connection, _: connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def endless(head: bytes, more: bytes) -> Talk:
    def talk(connection: socket.socket, _: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(more)

    return talk


def deep(levels: int) -> bytes:
    return b'{"a":' + b"[" * levels + b"]" * levels + b"}"


CHUNK = b"10000\r\n" + bytes(65536) + b"\r\n"
TALKS: dict[str, tuple[Talk, str]] = {
    "gzip": (whole(GZIP, packed(3072)), "BadAnswer c: GET /x answered with more than"),
    "gzip twice": (
        whole(OK + b"Content-Encoding: gzip, gzip\r\n", gzip.compress(packed(3072))),
        "BadAnswer c: GET /x answered in the encoding 'gzip, gzip', expected gzip or none",
    ),
    "gzip in two headers": (
        whole(GZIP + b"Content-Encoding: gzip\r\n", gzip.compress(packed(3072))),
        "BadAnswer c: GET /x answered in the encoding 'gzip, gzip'",
    ),
    "brotli": (whole(OK + b"Content-Encoding: br\r\n", b"x"), "BadAnswer c: GET /x answered in the encoding 'br'"),
    "endless body": (endless(OK + b"\r\n", MEBIBYTE), "BadAnswer c: GET /x answered with more than"),
    "endless chunks": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
        "BadAnswer c: GET /x answered with more than",
    ),
    "endless packed chunks": (
        endless(GZIP + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK),
        "BadAnswer c: GET /x answered with more than",
    ),
    "endless header": (endless(OK + b"X-Padding: ", b"x" * 65536), "OutcomeUnknown c: GET /x: the request began"),
    "endless headers": (endless(OK, b"X-Padding: x\r\n" * 4096), "OutcomeUnknown c: GET /x: the request began"),
    "endless trailer": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Padding: x\r\n" * 4096),
        "OutcomeUnknown c: GET /x: the request began",
    ),
    "wide": (
        whole(OK, b'{"a":[' + b"[]," * 1_600_000 + b"0]}"),
        "BadAnswer c: GET /x answered 200 with an unusable body",
    ),
    "deep": (whole(OK, deep(2_000_000)), "BadAnswer c: GET /x answered 200 with an unusable body"),
}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the bound is made from Linux's /proc")
@pytest.mark.parametrize("name", TALKS)
def test_a_bomb_is_an_error_in_words_and_takes_little_memory(name: str) -> None:
    talk, words = TALKS[name]
    with serving(talk) as server:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, f"http://127.0.0.1:{server.port}"],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.stdout.startswith(words), done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("body", [b'{"a": 1}', b"", b"x" * 100_000])
def test_what_is_packed_as_asked_for_is_unpacked(body: bytes) -> None:
    with serving(whole(GZIP, gzip.compress(body))) as server, client(server) as service:
        assert service._exchange("GET", "/x").body == body


@pytest.mark.parametrize("cut", [1, 9])
def test_a_packed_body_that_is_cut_or_goes_on_is_no_whole_answer(cut: int) -> None:
    for content in (gzip.compress(b'{"a": 1}')[:-cut], gzip.compress(b"{}") * 2, b"{}"):
        response = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(content))
        with pytest.raises(httpx.DecodingError):
            read_body("c: GET /x", response)


def test_the_longest_body_is_read_and_one_byte_more_is_not() -> None:
    longest = b"x" * MAX_BODY_BYTES

    for headers, content in (({}, longest), ({"Content-Encoding": "gzip"}, gzip.compress(longest))):
        assert read_body("c", httpx.Response(200, headers=headers, stream=httpx.ByteStream(content))) == longest
    for headers, content in (({}, longest + b"x"), ({"Content-Encoding": "gzip"}, gzip.compress(longest + b"x"))):
        with pytest.raises(BadAnswer, match="more than 5000000 bytes"):
            read_body("c", httpx.Response(200, headers=headers, stream=httpx.ByteStream(content)))
