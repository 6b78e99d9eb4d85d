"""Faults of any service, on the wire: connections that break, answers that are late, unreadable or too big."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

from include.sandbox.faults.exchange import Exchange, Json, fault

MEBIBYTE = bytes(1 << 20)


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
    """A proxy's page instead of the answer; with accept=False the request does not arrive either."""
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
    """429 with Retry-After, seconds or a date: 0, 3600, "Wed, 21 Oct 2015 07:28:00 GMT"; nothing accepted."""
    await limited(x, x.params["retry_after"])


async def limited(x: Exchange, retry_after: float | str) -> None:
    detail: Json = {"error": "rate_limited", "message": "Rate limit exceeded", "retry_after": retry_after}
    body = json.dumps({"detail": {**detail, "reason": "global_limit_exceeded"}})
    if x.fault.service == "alpaca":
        body = json.dumps({"code": 42910000, "message": "rate limit exceeded"})
    headers = [(b"content-type", b"application/json"), (b"retry-after", str(retry_after).encode())]
    await x.reply(429, body, headers)


@fault(body={"detail": "Position lookup unavailable: database connection failed"})
async def down_503(x: Exchange) -> None:
    """503 with `body`, v2's for a database that is down; nothing accepted or stored."""
    await x.reply(503, x.params["body"])


@fault(field="error_message", value=None, drop=False)
async def field_is(x: Exchange) -> None:
    """One field of the true answer is `value`, or with drop=True not there; its place is dotted: `signals.0.rank`.

    For text no database stores ("a\\u0000b", "\\ud800"), numbers no column holds (1e15, 2147483648, "0"), wrong types.
    """
    answer = await x.answer()
    body = json.loads(answer.body)
    *way, last = (int(part) if part.isdigit() else part for part in x.params["field"].split("."))
    place: Any = body
    for part in way:
        place = place[part]
    if x.params["drop"]:
        del place[last]
    else:
        place[last] = x.params["value"]
    await x.reply(answer.status, json.dumps(body), [(b"content-type", b"application/json")])


@fault(mebibytes=3072, layers=2)
async def bomb(x: Exchange) -> None:
    """200 with a few kB that become `mebibytes` of zeros, packed by gzip `layers` times; nothing accepted."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    first, again = (packer.compress(MEBIBYTE) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    body = first + again * (x.params["mebibytes"] - 1)
    for _ in range(x.params["layers"] - 1):
        body = gzip.compress(body)
    encoding = ", ".join(["gzip"] * x.params["layers"]).encode()
    await x.reply(200, body, [(b"content-type", b"application/json"), (b"content-encoding", encoding)])
