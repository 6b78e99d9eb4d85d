"""Faults of the gateway's refusals: nothing stored, stored as refused, or refused in words only."""

from __future__ import annotations

from typing import Any

from include.sandbox.faults.exchange import ArmedFault, Exchange, Json, fault
from include.sandbox.faults.wire import limited

KILL_SWITCH = "Kill-switch engaged - new orders blocked"
SIGN_IN_DOWN: Json = {"error": "service_unavailable", "message": "Auth service temporarily unavailable"}
# What a refusal says by name: its status and body.
WORDS: dict[str, tuple[int, Any]] = {
    "kill_switch": (503, {"detail": KILL_SWITCH}),
    "breaker": (503, {"detail": "Circuit breaker tripped - trading paused"}),
    "auth": (503, {"detail": SIGN_IN_DOWN}),
    "data_unavailable": (400, {"detail": "Order rejected by fat-finger checks: data_unavailable"}),
    "validation": (400, {"detail": "Order validation failed: asset is not tradable"}),
    "page": (403, "<html><body>Access denied</body></html>"),
    "page_404": (404, "<html><body>No such page</body></html>"),
}


@fault(detail=KILL_SWITCH)
async def halted_503(x: Exchange) -> None:
    """A v2 gate is shut; `detail` for another text than the kill switch's. Nothing stored."""
    await x.reply(503, {"detail": x.params["detail"]})


@fault()
async def fail_closed_503(x: Exchange) -> None:
    """A v2 gate does not know its state, and stays shut. Nothing stored."""
    detail = {"error": "Kill-switch unavailable", "message": "Kill-switch state unknown", "fail_closed": True}
    await x.reply(503, {"detail": detail})


@fault(way="kill_switch")
async def refused_but_stored(x: Exchange) -> None:
    """The order is refused in words and live at the broker.

    `way`: kill_switch, breaker, auth (503), rate_limited (429), data_unavailable, validation (400), page (403 HTML),
    page_404.
    """
    await x.answer()
    if x.params["way"] == "rate_limited":
        await limited(x, 0.05)
        return
    status, body = WORDS[x.params["way"]]
    await x.reply(status, body, None if isinstance(body, dict) else [(b"content-type", b"text/html")])


@fault(reason="asset is not tradable")
async def broker_validation_400(x: Exchange) -> None:
    """The broker finds the order invalid; a retry at v2 is 200 `rejected`."""
    await _refuse(x, "validation")


@fault(reason="insufficient buying power")
async def broker_rejection_422(x: Exchange) -> None:
    """The broker refuses; a retry at v2 is 200 `rejected`."""
    await _refuse(x, "rejection")


@fault(reason="service unavailable")
async def broker_down_503_stored(x: Exchange) -> None:
    """The broker is down; v2 stores `failed` and says so, with 200, to every retry; v1 stores nothing."""
    await _refuse(x, "broker_down")


@fault(reason="ConnectionError", live=False, seconds=0)
async def broker_connection_500(x: Exchange) -> None:
    """No connection to the broker; a retry is 200 `rejected` at v1, 200 `pending_new` without a broker id at v2.

    live=True: it broke after the broker took the order, which fills; look-ups say so after `seconds`.
    """
    await _refuse(x, "connection", live=x.params["live"], says_for=x.params["seconds"])


@fault(reason="client_order_id must be unique", seconds=3600)
async def broker_timeout_422(x: Exchange) -> None:
    """A 504 after the broker took the order, and the gateway's own retry is refused: 422 on an order that fills.

    v2 stores `rejected` and says so for `seconds`; v1 stores nothing.
    """
    await _refuse(x, "rejection", live=True, says_for=x.params["seconds"])


async def _refuse(x: Exchange, cause: str, **changes: Any) -> None:
    x.twist(cause=cause, reason=x.params["reason"], **changes)
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
