"""Faults of what the gateway says of orders: their status, their fills, and whether there are any."""

from __future__ import annotations

from functools import partial

from include.sandbox.faults.exchange import Exchange, Json, fault

look_up_fault = partial(fault, "gateway", "GET", "/api/v1/orders/")


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


@fault()
async def fill_before_answer(x: Exchange) -> None:
    """The fill is older than the gateway's own booking: `pending_new`, filled_qty "0" for ever.

    metadata.fills (v2) and the positions have it. v1 has no fills, there only the positions show it.
    """
    x.twist(stale=True)
    await x.pass_on(await x.answer())


@look_up_fault(how="null")
async def filled_without_quantity(x: Exchange) -> None:
    """`filled` with a filled_qty that is "null", "zero" or "missing": `how`. No average price, no fills."""

    def forget(order: Json) -> None:
        order.update(status="filled", filled_qty=None if x.params["how"] == "null" else "0", filled_avg_price=None)
        order["metadata"].pop("fills", None)
        if x.params["how"] == "missing":
            del order["filled_qty"]

    await x.change(forget)


@look_up_fault(status="canceled", filled_qty="0", listed=True)
async def fills_contradict_status(x: Exchange) -> None:
    """Another `status` and `filled_qty` than those of the fills beside them (v2); listed=False: without them."""

    def contradict(order: Json) -> None:
        order.update(status=x.params["status"], filled_qty=x.params["filled_qty"], filled_avg_price=None)
        if not x.params["listed"]:
            order["metadata"].pop("fills", None)

    await x.change(contradict)


@look_up_fault()
async def numbered_fills(x: Exchange) -> None:
    """Every order's fills have the ids "1", "2", … (v2)."""

    def number(order: Json) -> None:
        for count, fill in enumerate(order["metadata"].get("fills", []), start=1):
            fill["fill_id"] = str(count)

    await x.change(number)


@look_up_fault(keep=0)
async def fills_listed_late(x: Exchange) -> None:
    """Only the first `keep` fills are listed; filled_qty counts them all (v2)."""

    def leave_out(order: Json) -> None:
        del order["metadata"].get("fills", [])[x.params["keep"] :]

    await x.change(leave_out)
