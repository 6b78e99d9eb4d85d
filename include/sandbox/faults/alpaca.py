"""Faults of the Trading API of Alpaca that its answers' own shape asks for.

Those of the wire and of an order (`rejected_but_live`, `not_found_for_seconds`, `lost_then_appears`, `overfill`,
`fill_before_answer`, `pending_new_without_broker_id`) do their work here too, with `service` alpaca.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from include.sandbox.faults.exchange import Exchange, Json, fault

LISTS = "/v2/(orders|positions|account/activities)"
ORDERS = "/v2/orders"
list_fault = partial(fault, "alpaca", "GET", LISTS)


async def _change(x: Exchange, change: Callable[[Any], Any]) -> None:
    """Answer with what `change` makes of the true body; refusals stay as they are."""
    answer = await x.answer()
    if answer.status == 200:
        body = json.dumps(change(json.loads(answer.body)))
        await x.reply(200, body, [(b"content-type", b"application/json")])
    else:
        await x.pass_on(answer)


@fault("alpaca", status=403, body={"code": 40310000, "message": "insufficient buying power"})
async def alpaca_refused_but_stored(x: Exchange) -> None:
    """The order is refused in words, with `status` and `body`, and live at the broker."""
    await x.answer()
    await x.reply(x.params["status"], x.params["body"])


@fault("alpaca", "DELETE", "/v2/orders/")
async def alpaca_cancel_ignored(x: Exchange) -> None:
    """204 to a request to cancel, and the order goes on."""
    await x.reply(204, "")


@fault("alpaca", "GET", ORDERS, fields={"status": "filled", "filled_qty": "0", "filled_avg_price": None}, symbol=None)
async def alpaca_order_says(x: Exchange) -> None:
    """`fields` of every order in a look-up or a list of orders are these; only of `symbol`'s, if one is given."""

    def say(body: Any) -> Any:
        for order in body if isinstance(body, list) else [body]:
            if x.params["symbol"] in (None, order["symbol"]):
                order.update(x.params["fields"])
        return body

    await _change(x, say)


@list_fault(keep=0)
async def alpaca_rows_missing(x: Exchange) -> None:
    """A list of orders, positions or activities has its first `keep` rows only."""
    await _change(x, lambda body: body[: x.params["keep"]] if isinstance(body, list) else body)


@list_fault()
async def alpaca_rows_twice(x: Exchange) -> None:
    """A list of orders, positions or activities has every row twice."""
    await _change(x, lambda body: [row for row in body for _ in range(2)] if isinstance(body, list) else body)


@fault("alpaca", "GET", "/v2/account/activities")
async def alpaca_fills_renumbered(x: Exchange) -> None:
    """Every fill has another id than before."""

    def renumber(body: list[Json]) -> list[Json]:
        return [{**row, "id": f"{row['id'][:-1]}{(int(row['id'][-1], 16) + 1) % 16:x}"} for row in body]

    await _change(x, renumber)


@fault("alpaca", "GET", "/v2/positions$", factor=2)
async def alpaca_positions_multiplied(x: Exchange) -> None:
    """Every position is `factor` times the truth."""

    def multiply(body: list[Json]) -> list[Json]:
        return [{**row, "qty": str(Decimal(row["qty"]) * x.params["factor"])} for row in body]

    await _change(x, multiply)
