"""What a fault has in its hands, and the table of all faults that the admin API knows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from include.sandbox.faults.armed import Faults

Service = Literal["signals", "gateway", "market", "alpaca"]
Json = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

MAIN_REQUEST = {
    "signals": ("POST", "/api/v1/signals/generate$"),
    "gateway": ("POST", "/api/v1/orders$"),
    "market": ("GET", "/v2/"),
    "alpaca": ("POST", "/v2/orders$"),
}


@dataclass(frozen=True)
class Twist:
    """What the gateway itself does otherwise with one order; reaches it through the request's scope."""

    cause: str | None = None  # a row of gateway.REFUSALS
    reason: str = "refused by a fault"
    live: bool = False  # the broker has the order all the same
    appears_after: float = 0
    hidden_for: float = 0
    says: str | None = None  # the status it gives instead of the broker's, for `says_for` seconds
    says_for: float = 0
    overfill: int = 0
    stale: bool = False  # its status and filled quantity never move again; fills and positions do


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Headers
    body: bytes


class ArmedFault(BaseModel):
    """One fault as /admin/faults takes it."""

    model_config = ConfigDict(extra="forbid")

    fault: str
    service: Service | None = None
    match: dict[str, str] = Field(default_factory=dict)
    times: int | None = Field(None, ge=1)
    params: Json = Field(default_factory=dict)


@dataclass
class Exchange:
    """One request that a fault has in its hands."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    body: bytes
    fields: Json
    params: Json
    fault: ArmedFault
    faults: Faults

    async def answer(self) -> Answer:
        """Let the real service handle the request, and keep its answer back."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self.app(self.scope, replay(self.body, self.receive), collect)
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(messages[0]["status"], messages[0]["headers"], body)

    async def reply(self, status: int, body: bytes | str | Json, headers: Headers | None = None) -> None:
        kind = b"application/json" if isinstance(body, dict) else b"text/plain; charset=utf-8"
        content = json.dumps(body) if isinstance(body, dict) else body
        raw = content.encode() if isinstance(content, str) else content
        head = [(b"content-length", str(len(raw)).encode()), *(headers or [(b"content-type", kind)])]
        await self.send({"type": "http.response.start", "status": status, "headers": head})
        await self.send({"type": "http.response.body", "body": raw})

    async def pass_on(self, answer: Answer) -> None:
        await self.reply(answer.status, answer.body, [h for h in answer.headers if h[0] != b"content-length"])

    async def change(self, change: Callable[[Json], Any]) -> None:
        """Answer with the service's own body after a change; its errors stay as they are."""
        answer = await self.answer()
        if answer.status == 200:
            body = json.loads(answer.body)
            change(body)
            await self.reply(200, body)
        else:
            await self.pass_on(answer)

    async def reset(self) -> None:
        """Break the connection with a TCP reset."""
        self.scope["reset"]()
        await self.receive()  # ends when the connection is gone

    async def hang(self, seconds: float) -> None:
        """Say nothing for a while, or until the client gives up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.receive(), seconds)

    def twist(self, **changes: Any) -> None:
        self.scope["twist"] = Twist(**changes)


@dataclass(frozen=True)
class Kind:
    function: Callable[[Exchange], Awaitable[None]]
    service: Service
    method: str
    path: str
    params: Json


TABLE: dict[str, Kind] = {}


def fault(
    service: Service = "gateway", method: str | None = None, path: str | None = None, **params: Any
) -> Callable[[Callable[[Exchange], Awaitable[None]]], Callable[[Exchange], Awaitable[None]]]:
    """Put a function into the table; keywords are its parameters with their defaults."""
    own = MAIN_REQUEST[service]

    def register(function: Callable[[Exchange], Awaitable[None]]) -> Callable[[Exchange], Awaitable[None]]:
        kind = Kind(function, service, own[0] if method is None else method, own[1] if path is None else path, params)
        TABLE[function.__name__] = kind
        return function

    return register


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body already read, and then what comes."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed
