"""A listening port of the sandbox: serves one app, breaks connections, refuses them for a while."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

BACKLOG = 1024
SECONDS_TO_FINISH = 1.0


class PortInUse(Exception):
    """Another process listens where the sandbox wants to."""


class ResettableProtocol(HttpToolsProtocol):
    """HTTP whose requests can break their connection: `scope["reset"]`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["reset"] = self._reset  # type: ignore[typeddict-unknown-key]

    def _reset(self) -> None:
        if self.transport.is_closing():
            return
        # Without lingering, closing sends RST instead of FIN.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Port:
    """One listening port and its connections."""

    def __init__(self, name: str, host: str, number: int) -> None:
        self._socket = _tcp_socket()
        try:
            # A port the system chose itself is lost when the socket stops listening: ask for it by its number.
            with _tcp_socket() as free:
                if number == 0:
                    free.bind((host, 0))
                    number = free.getsockname()[1]
                self._socket.bind((host, number))
            self._socket.listen(BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            words = f"Port {number} is in use: stop what listens there, or give another with --{name}-port."
            raise PortInUse(words) from error
        self.url = f"http://{host}:{number}"
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None

    async def serve(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, proxy_headers=False, timeout_keep_alive=75
        )
        config.load()
        self._protocol: Callable[[], Any] = lambda: ResettableProtocol(config, self._state, {})
        await self._open()

    async def refuse(self, seconds: float | None) -> None:
        """Refuse connections, and break those there are, for some seconds or until `reopen`."""
        await self.reopen()
        self._close()
        # On Linux a socket that was shut down stops listening but keeps its port, so that no other process can take it.
        self._socket.shutdown(socket.SHUT_RDWR)
        for connection in list(self._state.connections):
            connection.transport.abort()
        if seconds is not None:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(seconds, lambda: loop.create_task(self.reopen()))

    async def reopen(self) -> None:
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None
        if self._server is None:
            self._socket.listen(BACKLOG)
            await self._open()

    async def stop(self) -> None:
        """Close the port; requests under way get a moment to finish."""
        if self._reopening:
            self._reopening.cancel()
        self._close()
        self._socket.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, unfinished = await asyncio.wait(self._state.tasks, timeout=SECONDS_TO_FINISH)
            for task in unfinished:
                task.cancel()

    async def _open(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, sock=self._socket.dup(), backlog=BACKLOG
        )

    def _close(self) -> None:
        if self._server:
            self._server.close()
            self._server = None


def _tcp_socket() -> socket.socket:
    # Named TCP so that asyncio switches Nagle's algorithm off: with it every answer takes 40 ms.
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return tcp
