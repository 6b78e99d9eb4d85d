"""Faults of market data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from include.sandbox.faults.exchange import Exchange, Json, fault
from include.sandbox.web import stamp

price_fault = partial(fault, "market", "GET", "/v2/stocks/trades/latest")


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


@fault("market")
async def invalid_symbol_400(x: Exchange) -> None:
    """A request with the matched symbol is refused whole, latest trades and bars: "invalid symbol: BF-B"."""
    await x.reply(400, {"message": f"invalid symbol: {x.fault.match.get('symbol', 'BF-B')}"})
