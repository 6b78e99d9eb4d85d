"""A socket server that does what a test says, for tests of the HTTP foundation."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from include.adapters.http.client import HttpService
from include.adapters.http.endpoint import Endpoint

Talk = Callable[[socket.socket, bytes], None]


class Server:
    """A socket that reads a request and then does what the test says; keeps every byte it was sent."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self._stopped = False
        self._talk = talk
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            accepted, _ = self._listener.accept()
            if self._stopped:
                accepted.close()
                return
            self.connections += 1
            try:
                connection = self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted
                with connection:
                    while request := connection.recv(65536):
                        self.received.append(request)
                        self._talk(connection, request)
            except OSError:
                accepted.close()

    def stop(self) -> None:
        self._stopped = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join()
        self._listener.close()


@contextmanager
def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(talk, tls)
    try:
        yield server
    finally:
        server.stop()


def client(server: Server, scheme: str = "http", **changes: Any) -> HttpService:
    endpoint = Endpoint(
        connection_id="execution_gateway",
        service="execution_gateway",
        base_url=f"{scheme}://127.0.0.1:{server.port}",
        contract="v2",
        account="main",
        **changes,
    )
    return HttpService(endpoint, correlation_id="run-1")
