"""Faults of what the gateway says of the account and of itself."""

from __future__ import annotations

from functools import partial

from include.sandbox.faults.exchange import Exchange, Json, fault

positions_fault = partial(fault, "gateway", "GET", "/api/v1/positions")


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
