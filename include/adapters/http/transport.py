"""A transport with one deadline for the whole exchange: connecting, sending, and every byte that comes back.

httpx bounds each read by itself, so a server that sends one byte at a time could hold us for hours, and a slow name
look-up could let an order leave long after its lease. Here nothing is written after the deadline, and nothing is
waited for.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import httpcore
import httpx

# Shorter than the 5 seconds after which the services close an idle connection: a request must not meet that close.
KEEPALIVE_SECONDS = 2.0


def elapsed() -> float:
    """Return the seconds of a clock that also counts while the machine sleeps, where the system has such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass
class _Exchange:
    clock: Callable[[], float]
    deadline: float
    began: bool = False

    def bounded(self, timeout: float | None, too_late: type[httpcore.TimeoutException]) -> float:
        left = self.deadline - self.clock()
        if left <= 0:
            raise too_late("the total time-out of the exchange is over")
        return left if timeout is None else min(timeout, left)


_exchange: ContextVar[_Exchange] = ContextVar("exchange")


class DeadlineTransport(httpx.BaseTransport):
    """httpx over an httpcore pool whose sockets look at the deadline of the exchange they serve."""

    def __init__(
        self,
        total_timeout_seconds: float,
        ssl_context: ssl.SSLContext | None,
        max_connections: int,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        self._clock = clock
        self._total_timeout_seconds = total_timeout_seconds
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=max_connections,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=_Backend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _exchange.set(_Exchange(self._clock, self._clock() + self._total_timeout_seconds))
        url = request.url
        core_request = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.read(),
            extensions=request.extensions,
        )
        with _as_httpx():
            response = self._pool.handle_request(core_request)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(cast("Iterable[bytes]", response.stream), response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, chunks: Iterable[bytes], response: httpcore.Response) -> None:
        self._chunks = chunks
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._chunks

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        allowed = _exchange.get().bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, allowed, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _exchange.get().bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        exchange = _exchange.get()
        # Before the first byte a time-out proves that nothing was sent; ConnectTimeout is the word for that.
        allowed = exchange.bounded(timeout, httpcore.WriteTimeout if exchange.began else httpcore.ConnectTimeout)
        exchange.began = True
        self._stream.write(buffer, allowed)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        allowed = _exchange.get().bounded(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, allowed))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """Raise httpx's exception of the same name, as httpx's own transport does."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise cast("type[httpx.TransportError]", getattr(httpx, type(error).__name__))(str(error)) from error
