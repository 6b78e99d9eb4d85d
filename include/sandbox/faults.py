"""Everything the sandbox can be told to do wrong: one small function a fault, its docstring the documentation.

A fault stands between the socket and a service: it may let the real service `answer` and keep, lose or change that
answer, or never ask it. It meets the requests of its own kind (the orders' POST, unless declared otherwise); `match`
narrows or widens that: `method` ("" is any), `path` (a regular expression from the start), `symbol`, or any field of
the request's JSON. `times` None is until cleared. `service` turns a general fault on another service.
`refuse_connections` is not here: it closes a port (server.py).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from include.sandbox.web import stamp

Service = Literal["signals", "gateway", "market"]
Json = dict[str, Any]

MAIN_REQUEST = {
    "signals": ("POST", "/api/v1/signals/generate$"),
    "gateway": ("POST", "/api/v1/orders$"),
    "market": ("GET", "/v2/"),
}


@dataclass(frozen=True)
class Twist:
    """What the gateway itself does otherwise with one order; reaches it through the request's scope."""

    cause: str | None = None  # a row of gateway.REFUSALS
    reason: str = "refused by a fault"
    appears_after: float = 0
    hidden_for: float = 0
    says: str | None = None  # the status it gives in place of the broker's, for `says_for` seconds
    says_for: float = 0
    overfill: int = 0


@dataclass(frozen=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
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

    async def reply(
        self, status: int, body: bytes | str | Json, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
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


class Faults:
    """The faults that are armed, oldest first; the first that matches a request takes it."""

    def __init__(self) -> None:
        self.armed: list[ArmedFault] = []

    def arm(self, fault: ArmedFault) -> None:
        """Raises ValueError for a fault or a parameter that does not exist."""
        if fault.fault not in TABLE:
            raise ValueError(f"fault {fault.fault!r} does not exist; there are {', '.join(sorted(TABLE))}")
        if unknown := fault.params.keys() - TABLE[fault.fault].params.keys():
            raise ValueError(f"{fault.fault} has no parameter {', '.join(sorted(unknown))}")
        self.armed.append(fault)

    def take(self, service: Service, scope: Scope, symbols: set[str], fields: Json) -> ArmedFault | None:
        for fault in self.armed:
            if self._matches(fault, service, scope, symbols, fields):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self.armed.remove(fault)
                return fault
        return None

    @staticmethod
    def _matches(fault: ArmedFault, service: Service, scope: Scope, symbols: set[str], fields: Json) -> bool:
        kind = TABLE[fault.fault]
        if service != (fault.service or kind.service):
            return False
        own = (kind.method, kind.path) if service == kind.service else MAIN_REQUEST[service]
        wanted = {"method": own[0], "path": own[1], **fault.match}
        return (
            wanted.pop("method") in ("", scope["method"])
            and re.match(wanted.pop("path"), scope["path"]) is not None
            and wanted.pop("symbol", None) in (None, *symbols)
            and all(fields.get(name) == value for name, value in wanted.items())
        )


class Faulty:
    """An ASGI app that hands requests to the faults that match them, and the rest to the service."""

    def __init__(
        self, service: Service, app: ASGIApp, faults: Faults, notice: Callable[[Scope, Json], set[str]]
    ) -> None:
        """notice: told of every request, says which symbols it is about."""
        self.service, self.app, self.faults, self.notice = service, app, faults, notice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        fields = _json_object(body)
        symbols = self.notice(scope, fields)
        fault = self.faults.take(self.service, scope, symbols, fields) if self.faults.armed else None
        if fault is None:
            await self.app(scope, replay(body, receive), send)
            return
        kind = TABLE[fault.fault]
        params = {**kind.params, **fault.params}
        await kind.function(Exchange(self.app, scope, receive, send, body, fields, params, fault, self.faults))


def replay(body: bytes, receive: Receive) -> Receive:
    """Return a receive that gives the body already read, and then what comes."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return messages.pop() if messages else await receive()

    return replayed


def _json_object(body: bytes) -> Json:
    try:
        fields = json.loads(body) if body else {}
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


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


look_up_fault = partial(fault, "gateway", "GET", "/api/v1/orders/")
positions_fault = partial(fault, "gateway", "GET", "/api/v1/positions")
price_fault = partial(fault, "market", "GET", "/v2/stocks/trades/latest")


# ── general: on the wire ──────────────────────────────────────────────────────────────────────────────────────────────


@fault()
async def reset_before_body(x: Exchange) -> None:
    """The connection breaks and nothing was accepted."""
    await x.reset()


@fault()
async def reset_after_accept(x: Exchange) -> None:
    """The connection breaks after the order was really accepted."""
    await x.answer()
    await x.reset()


@fault(seconds=30)
async def timeout_before_accept(x: Exchange) -> None:
    """Nothing is accepted and nothing said for `seconds`; then the connection breaks."""
    await x.hang(x.params["seconds"])
    await x.reset()


@fault(seconds=30)
async def timeout_after_accept(x: Exchange) -> None:
    """The order is accepted and nothing said for `seconds`; then the connection breaks."""
    await x.answer()
    await x.hang(x.params["seconds"])
    await x.reset()


@fault(seconds=1)
async def slow_answer(x: Exchange) -> None:
    """The true answer, `seconds` late."""
    answer = await x.answer()
    await asyncio.sleep(x.params["seconds"])
    await x.pass_on(answer)


@fault(accept=True)
async def html_200(x: Exchange) -> None:
    """A proxy's page in place of the answer; with accept=False of the request as well."""
    if x.params["accept"]:
        await x.answer()
    await x.reply(200, "<html><body>Please sign in</body></html>", [(b"content-type", b"text/html")])


@fault(accept=True)
async def half_json_200(x: Exchange) -> None:
    """The true answer cut in the middle; accept=False: half an answer to nothing."""
    body = (await x.answer()).body if x.params["accept"] else b'{"client_order_id": "'
    await x.reply(200, body[: len(body) // 2], [(b"content-type", b"application/json")])


@fault(accept=False)
async def plain_500(x: Exchange) -> None:
    """500 in plain text, the request lost; with accept=True carried out."""
    if x.params["accept"]:
        await x.answer()
    await x.reply(500, "Internal Server Error")


@fault(status=502)
async def error_5xx_after_accept(x: Exchange) -> None:
    """A 5xx although the order was really accepted."""
    await x.answer()
    await x.reply(x.params["status"], "Bad Gateway")


@fault(retry_after=60)
async def rate_limited(x: Exchange) -> None:
    """429 with Retry-After; nothing accepted."""
    seconds = x.params["retry_after"]
    detail = {"error": "rate_limited", "message": "Rate limit exceeded", "retry_after": seconds}
    body = {"detail": {**detail, "reason": "global_limit_exceeded"}}
    await x.reply(429, body, [(b"content-type", b"application/json"), (b"retry-after", str(seconds).encode())])


@fault(body={"detail": "Position lookup unavailable: database connection failed"})
async def down_503(x: Exchange) -> None:
    """503 with `body`, v2's for a database that is down; nothing accepted or stored."""
    await x.reply(503, x.params["body"])


# ── the gateway refuses ───────────────────────────────────────────────────────────────────────────────────────────────


@fault(detail="Kill-switch engaged - new orders blocked")
async def halted_503(x: Exchange) -> None:
    """A v2 gate is shut; `detail` for another text than the kill switch's. Nothing stored."""
    await x.reply(503, {"detail": x.params["detail"]})


@fault()
async def fail_closed_503(x: Exchange) -> None:
    """A v2 gate does not know its state, and stays shut. Nothing stored."""
    detail = {"error": "Kill-switch unavailable", "message": "Kill-switch state unknown", "fail_closed": True}
    await x.reply(503, {"detail": detail})


@fault(reason="asset is not tradable")
async def broker_validation_400(x: Exchange) -> None:
    """The broker finds the order invalid; a retry at v2 is 200 `rejected`."""
    await _refuse(x, "validation", x.params["reason"])


@fault(reason="insufficient buying power")
async def broker_rejection_422(x: Exchange) -> None:
    """The broker refuses; a retry at v2 is 200 `rejected`."""
    await _refuse(x, "rejection", x.params["reason"])


@fault(reason="service unavailable")
async def broker_down_503_stored(x: Exchange) -> None:
    """The broker is down; v2 stores `failed` and says so, with 200, to every retry; v1 stores nothing."""
    await _refuse(x, "broker_down", x.params["reason"])


@fault(reason="ConnectionError")
async def broker_connection_500(x: Exchange) -> None:
    """No connection to the broker; a retry is 200 `rejected` at v1, 200 `pending_new` without a broker id at v2."""
    await _refuse(x, "connection", x.params["reason"])


async def _refuse(x: Exchange, cause: str, reason: str) -> None:
    x.twist(cause=cause, reason=reason)
    await x.pass_on(await x.answer())


@fault(seconds=30)
async def unique_422_after_timeout(x: Exchange) -> None:
    """As timeout_after_accept; every later POST of that order is refused because its id exists."""
    await x.answer()
    order = {name: x.fields[name] for name in ("client_order_id", "symbol", "side") if x.fields.get(name)}
    x.faults.arm(ArmedFault(fault="unique_422", match=order))
    await x.hang(x.params["seconds"])
    await x.reset()


@fault()
async def unique_422(x: Exchange) -> None:
    """422 because the order id exists."""
    await x.reply(422, {"detail": "Order rejected by broker: client_order_id must be unique"})


# ── the gateway lies ──────────────────────────────────────────────────────────────────────────────────────────────────


@fault(seconds=0)
async def rejected_but_live(x: Exchange) -> None:
    """200 `rejected`, and so for `seconds` in look-ups, while the broker has the order and fills it."""
    x.twist(says="rejected", says_for=x.params["seconds"])
    await x.pass_on(await x.answer())


@fault(seconds=0, live=False)
async def pending_new_without_broker_id(x: Exchange) -> None:
    """200 `pending_new` without broker id, never sent; live=True: sent, and look-ups know it after `seconds`."""
    if x.params["live"]:
        x.twist(says="pending_new", says_for=x.params["seconds"])
    else:
        x.twist(cause="never_sent")
    await x.pass_on(await x.answer())


@fault(seconds=1, reset=False)
async def not_found_for_seconds(x: Exchange) -> None:
    """Accepted, but look-ups say 404 for `seconds`; with reset=True the answer is lost as well."""
    x.twist(hidden_for=x.params["seconds"])
    answer = await x.answer()
    await (x.reset() if x.params["reset"] else x.pass_on(answer))


@fault(seconds=1)
async def lost_then_appears(x: Exchange) -> None:
    """The connection breaks; the order appears, at gateway and broker, only after `seconds` (or with the next POST)."""
    x.twist(appears_after=x.params["seconds"])
    await x.answer()
    await x.reset()


@fault(extra=1)
async def overfill(x: Exchange) -> None:
    """The broker fills `extra` shares more than ordered."""
    x.twist(overfill=x.params["extra"])
    await x.pass_on(await x.answer())


@look_up_fault()
async def duplicate_fills(x: Exchange) -> None:
    """A look-up lists every fill twice (v2; v1 lists none)."""
    await x.change(lambda order: order["metadata"].update(fills=order["metadata"].get("fills", []) * 2))


@look_up_fault(by=1)
async def wrong_quantity_reported(x: Exchange) -> None:
    """The order's quantity is `by` shares off."""
    await x.change(lambda order: order.update(qty=order["qty"] + x.params["by"]))


@positions_fault()
async def positions_fail_500(x: Exchange) -> None:
    """500 in plain text."""
    await x.reply(500, "Internal Server Error")


@positions_fault(symbols=[])
async def positions_incomplete(x: Exchange) -> None:
    """Positions of `symbols` (none given: the first) are left out."""

    def leave_out(body: Json) -> None:
        gone = x.params["symbols"] or [position["symbol"] for position in body["positions"][:1]]
        body["positions"] = [position for position in body["positions"] if position["symbol"] not in gone]
        body["total_positions"] = len(body["positions"])

    await x.change(leave_out)


@positions_fault(factor=2)
async def positions_multiplied(x: Exchange) -> None:
    """Every position is `factor` times the truth, as v1's are after partial fills."""

    def multiply(body: Json) -> None:
        for position in body["positions"]:
            position["qty"] = str(int(position["qty"]) * x.params["factor"])

    await x.change(multiply)


@fault(method="GET", path="/health", status="unhealthy")
async def health_unhealthy(x: Exchange) -> None:
    """HTTP 200 with another `status`."""
    await x.change(lambda body: body.update(status=x.params["status"], database_connected=False))


# ── the Signal Service ────────────────────────────────────────────────────────────────────────────────────────────────


@fault("signals")
async def empty_signals(x: Exchange) -> None:
    """No rows at all."""
    await x.change(lambda body: (body["signals"].clear(), body["metadata"].update(num_signals=0)))


@fault("signals")
async def nan_weight(x: Exchange) -> None:
    """The first row's target_weight is NaN."""
    await x.change(lambda body: body["signals"][0].update(target_weight=float("nan")))


@fault("signals", days=-1)
async def wrong_as_of_date(x: Exchange) -> None:
    """The answer is for another day."""

    def move(body: Json) -> None:
        day = date.fromisoformat(body["metadata"]["as_of_date"]) + timedelta(days=x.params["days"])
        body["metadata"]["as_of_date"] = day.isoformat()

    await x.change(move)


@fault("signals")
async def duplicate_rows(x: Exchange) -> None:
    """The first row comes twice."""
    await x.change(lambda body: body["signals"].insert(0, dict(body["signals"][0])))


@fault("signals")
async def unknown_symbol_row(x: Exchange) -> None:
    """The first row is for a symbol nobody asked for."""
    await x.change(lambda body: body["signals"][0].update(symbol="ZZZZ"))


@fault("signals", method="GET", path="/(ready|health)$")
async def signals_not_ready(x: Exchange) -> None:
    """/ready says 503; /health says degraded (v1: 503, no model)."""
    if x.scope["path"] == "/ready":
        await x.reply(503, {"detail": "Service not ready: degraded"})
    elif "service" in json.loads((await x.answer()).body):
        await x.change(lambda body: body.update(status="degraded"))
    else:
        await x.reply(503, {"detail": "Model not loaded"})


# ── market data ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _change_trades(x: Exchange, change: Callable[[Json], Any]) -> None:
    """Change the matched symbol's trade, or all."""

    def each(body: Json) -> None:
        for symbol in list(body["trades"]):
            if x.fault.match.get("symbol", symbol) == symbol:
                change(body["trades"][symbol])

    await x.change(each)


@price_fault()
async def price_missing(x: Exchange) -> None:
    """The matched symbol (or the first) has no trade."""
    await x.change(lambda body: body["trades"].pop(x.fault.match.get("symbol") or next(iter(body["trades"])), None))


@price_fault(seconds=86400)
async def price_stale(x: Exchange) -> None:
    """Trades `seconds` old; negative: from the future."""

    def move(trade: Json) -> None:
        at = datetime.fromisoformat(trade["t"]) - timedelta(seconds=x.params["seconds"])
        trade["t"] = stamp(at)

    await _change_trades(x, move)


@price_fault(seconds=3600)
async def price_from_the_future(x: Exchange) -> None:
    """Trades stamped `seconds` from now."""
    x.params["seconds"] = -x.params["seconds"]
    await price_stale(x)


@price_fault(price="0")
async def price_is(x: Exchange) -> None:
    """The price is `price`: "0", "-1", "NaN", "Infinity", any number."""
    await _change_trades(x, lambda trade: trade.update(p=float(x.params["price"])))


@price_fault(symbol="ZZZZ")
async def price_of_another_symbol(x: Exchange) -> None:
    """The matched symbol's trade (or the first) comes under another symbol's name."""

    def rename(body: Json) -> None:
        asked = x.fault.match.get("symbol") or next(iter(body["trades"]))
        body["trades"][x.params["symbol"]] = body["trades"].pop(asked)

    await x.change(rename)
