"""What stands before the emulator: headers on every answer, one pair of keys, and the account's rate limit."""

from __future__ import annotations

import math
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.sandbox.alpaca.errors import TOO_MANY
from include.sandbox.settings import Settings

EMULATOR_HEADER = "X-Trading-Emulator"
UNLIMITED = 1_000_000
OVER = "alpaca_over_limit"


class Front:
    """Counts every request and puts the headers on every answer, also on one that a fault gives."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings
        self.clear()

    def clear(self) -> None:
        self._window_end, self._used = 0.0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self.settings.alpaca_rate_limit_per_minute or UNLIMITED
        now = self.settings.now().timestamp()
        window = self.settings.alpaca_rate_window_seconds
        if not now < self._window_end <= now + window:
            self._window_end, self._used = now + window, 0
        scope[OVER] = self._used >= limit
        self._used += not scope[OVER]
        given = {
            EMULATOR_HEADER: "sandbox",
            "X-Request-ID": uuid.uuid4().hex,
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - self._used),
            "X-RateLimit-Reset": str(math.ceil(self._window_end)),
        }

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in given.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Guard:
    """Lets a request through that has the keys and is within the limit."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        given = f"{headers.get('APCA-API-KEY-ID', '')}:{headers.get('APCA-API-SECRET-KEY', '')}"
        if given != self.settings.alpaca_key.get_secret_value():
            await JSONResponse({"message": "unauthorized."}, 401)(scope, receive, send)
        elif scope[OVER]:
            body = {"code": TOO_MANY, "message": "rate limit exceeded"}
            await JSONResponse(body, 429)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
