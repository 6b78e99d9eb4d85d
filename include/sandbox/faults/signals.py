"""Faults of the Signal Service."""

from __future__ import annotations

import json
from datetime import date, timedelta

from include.sandbox.faults.exchange import Exchange, Json, fault


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
    """The first row is for a symbol that was not asked for."""
    await x.change(lambda body: body["signals"][0].update(symbol="ZZZZ"))


@fault("signals")
async def model_not_active(x: Exchange) -> None:
    """403: the model waits for a person to activate it."""
    await x.reply(403, {"detail": "Strategy 'alpha_baseline' is not active. Signal generation blocked."})


@fault("signals", method="GET", path="/(ready|health)$")
async def signals_not_ready(x: Exchange) -> None:
    """/ready says 503; /health says degraded (v1: 503, no model)."""
    if x.scope["path"] == "/ready":
        await x.reply(503, {"detail": "Service not ready: degraded"})
    elif "service" in json.loads((await x.answer()).body):
        await x.change(lambda body: body.update(status="degraded"))
    else:
        await x.reply(503, {"detail": "Model not loaded"})


@fault("signals")
async def missing_symbol(x: Exchange) -> None:
    """The matched symbol (or the first) is left out, as one without a bar for the day is."""

    def leave_out(body: Json) -> None:
        gone = x.fault.match.get("symbol") or body["signals"][0]["symbol"]
        body["signals"] = [row for row in body["signals"] if row["symbol"] != gone]
        body["metadata"]["num_signals"] = len(body["signals"])

    await x.change(leave_out)


@fault("signals", weight=-0.5)
async def one_more_position(x: Exchange) -> None:
    """The matched symbol, or the first without a weight (the last when all have one), has `weight`."""

    def weigh(body: Json) -> None:
        rows = body["signals"]
        asked = [row for row in rows if row["symbol"] == x.fault.match.get("symbol")]
        neutral = [row for row in rows if row["target_weight"] == 0]
        [*asked, *neutral, rows[-1]][0]["target_weight"] = x.params["weight"]

    await x.change(weigh)
