"""Where alerts arrive in tests: a web server for Apprise's JSON webhook, a mail server, and what came."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Inbox:
    """url: for the connection `trading_alerts`. status: what the web server answers from now on.

    refused: a message with these words is answered with 413, whatever the status.
    """

    url: str = ""
    status: int = 200
    refused: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    def about(self, title: str) -> dict[str, Any]:
        """Return the one message of that title."""
        (found,) = (message for message in self.messages if message["title"] == title)
        return found


@contextmanager
def webhook() -> Iterator[Inbox]:
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 413 if inbox.refused and inbox.refused in message["message"] else inbox.status
            if status == 200:
                inbox.messages.append(message)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    inbox.url = f"json://127.0.0.1:{server.server_port}/"
    try:
        yield inbox
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Mailbox:
    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[str, list[EmailMessage]]]:
    """Yields the Apprise URL that mails to it, and the mails as they come."""
    mailbox = _Mailbox()
    # The controller connects to itself at the port it was given, so 0 is none for it.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"mailto://127.0.0.1:{port}?from=trading@example.com&to=duty@example.com", mailbox.mails
    finally:
        controller.stop()
