"""How long a request's body may be: judged before it is read, and so before any login is checked."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trading_airflow.web.problems import answer

# The longest request names a thousand orders to settle.
MAX_BODY_BYTES = 100_000
TITLE = "The request is too long"
DETAIL = f"expected a body of at most {MAX_BODY_BYTES} bytes"


class BodyLimit:
    """Answers 413 to a longer body: at its Content-Length, else at the byte too many."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length[:20]) > MAX_BODY_BYTES:
            await answer(413, TITLE, DETAIL)(scope, receive, send)
            return
        received = 0

        async def receive_bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                raise HTTPException(413, DETAIL)
            return message

        await self.app(scope, receive_bounded, send)
