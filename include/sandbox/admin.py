"""The admin API on its own port: faults, settings, what is held, splits, forced order states, the broker's book.

It is also a webhook for alerts, which answers the status in its address: /hooks/200, /hooks/410.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.sandbox.actions import Actions, CorporateAction
from include.sandbox.book import Book, BrokerOrder
from include.sandbox.cash import CashMove
from include.sandbox.faults import TABLE, ArmedFault, Faults, Json
from include.sandbox.settings import NOTICE, Settings
from include.sandbox.store import shown_qty
from include.sandbox.web import Problem, build_app, parse, stamp

REFUSE_CONNECTIONS = "refuse_connections"


Status = Literal[
    "filled",
    "canceled",
    "rejected",
    "expired",
    "replaced",
    "done_for_day",
    "accepted_for_bidding",
    "calculated",
    "held",
    "pending_cancel",
    "pending_replace",
    "stopped",
    "suspended",
]
HOLDINGS = TypeAdapter(dict[str, Decimal])


class RefusablePort(Protocol):
    async def refuse(self, seconds: float | None) -> None: ...

    async def reopen(self) -> None: ...


class Forgetful(Protocol):
    def clear(self) -> None: ...


class ForcedState(BaseModel):
    """status: the broker's word, with which it stops to fill; fill: shares to execute now, also on a closed order."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    fill: Decimal | None = Field(None, gt=0)


class Conversion(BaseModel):
    """Every `per` shares held of `symbol` become `shares`, of `becomes` if that is given: a split, a new name."""

    model_config = ConfigDict(extra="forbid")

    symbol: str
    becomes: str | None = None
    shares: int = Field(1, gt=0)
    per: int = Field(1, gt=0)


def build_admin(
    settings: Settings,
    faults: Faults,
    book: Book,
    actions: Actions,
    forgetful: Iterable[Forgetful],
    ports: Mapping[str, RefusablePort],
) -> Starlette:
    """forgetful: what has to forget more than the book when everything is reset."""
    at_start = settings.model_copy(deep=True)
    inbox: list[Json] = []

    async def about(_: Request) -> Response:
        documented = {name: inspect.getdoc(kind.function) for name, kind in sorted(TABLE.items())}
        documented[REFUSE_CONNECTIONS] = "A service's port refuses connections for params.seconds, or until cleared."
        return JSONResponse({"service": "sandbox_admin", "notice": NOTICE, "faults": documented})

    async def arm(request: Request) -> Response:
        fault = await parse(request, ArmedFault)
        if fault.fault == REFUSE_CONNECTIONS:
            await ports[fault.service or ("gateway" if "gateway" in ports else "alpaca")].refuse(
                fault.params.get("seconds")
            )
        else:
            _or_422(faults.arm, fault)
        return await armed(request)

    async def armed(_: Request) -> Response:
        # Escaped, because a fault may hold text that UTF-8 cannot.
        shown = json.dumps([fault.model_dump() for fault in faults.armed])
        return Response(shown, media_type="application/json")

    async def disarm(request: Request) -> Response:
        faults.armed.clear()
        for port in ports.values():
            await port.reopen()
        return await armed(request)

    async def reset(request: Request) -> Response:
        """Empty both books and the inbox, clear the faults, and go back to the settings of the start."""
        book.clear()
        actions.clear()
        for service in forgetful:
            service.clear()
        inbox.clear()
        for name, value in at_start.model_copy(deep=True):
            setattr(settings, name, value)
        return await disarm(request)

    async def change_settings(request: Request) -> Response:
        _or_422(settings.change, await _object(request))
        return JSONResponse(json.loads(settings.model_dump_json(exclude={"secret", "market_key", "alpaca_key"})))

    async def hold(request: Request) -> Response:
        _or_422(lambda holdings: book.hold(HOLDINGS.validate_python(holdings)), await _object(request))
        return await show_book(request)

    async def convert(request: Request) -> Response:
        asked = await parse(request, Conversion)
        ratio = Fraction(asked.shares, asked.per)
        book.convert(asked.symbol, asked.becomes or asked.symbol, ratio, settings.now().timestamp())
        return await show_book(request)

    async def act(request: Request) -> Response:
        """Announce a corporate action and carry it out: a split, a new symbol, a dividend, a merger."""
        _or_422(actions.carry_out, await parse(request, CorporateAction))
        return await show_book(request)

    async def move_cash(request: Request) -> Response:
        """Change the cash of Alpaca's account by a fee, interest, a deposit and the like, and list it there."""
        actions.cash.move(await parse(request, CashMove))
        return await show_book(request)

    async def receive_alert(request: Request) -> Response:
        """Keep what comes to this webhook, and answer with the status in its address."""
        status = request.path_params["status"]
        inbox.append({"status": status, "body": (await request.body()).decode()})
        return Response(status_code=status)

    async def show_inbox(_: Request) -> Response:
        return JSONResponse(inbox)

    async def force(request: Request) -> Response:
        asked = await parse(request, ForcedState)
        now = settings.now().timestamp()
        order = book.close(request.path_params["id"], now, asked.status, asked.fill)
        if order is None:
            raise Problem(404, {"detail": f"The broker has no order {request.path_params['id']}"})
        return JSONResponse(_shown(order))

    async def show_book(_: Request) -> Response:
        now = settings.now().timestamp()
        posts = book.posts()
        return JSONResponse(
            {
                "orders": [_shown(order) for order in book.orders(now)],
                "positions": {symbol: shown_qty(holding.qty) for symbol, holding in book.positions(now).items()},
                "posts_total": sum(posts.values()),
                "posts_by_id": posts,
                "posts": [
                    {"at": stamp(at), "client_order_id": id, "symbol": symbol} for at, id, symbol in book.arrivals()
                ],
            }
        )

    return build_app(
        [
            Route("/", about),
            Route("/health", about),
            Route("/admin/faults", armed, methods=["GET"]),
            Route("/admin/faults", arm, methods=["POST"]),
            Route("/admin/faults", disarm, methods=["DELETE"]),
            Route("/admin/reset", reset, methods=["POST"]),
            Route("/admin/settings", change_settings, methods=["POST"]),
            Route("/admin/positions", hold, methods=["POST"]),
            Route("/admin/convert", convert, methods=["POST"]),
            Route("/admin/corporate-actions", act, methods=["POST"]),
            Route("/admin/cash", move_cash, methods=["POST"]),
            Route("/hooks/{status:int}", receive_alert, methods=["POST"]),
            Route("/admin/inbox", show_inbox),
            Route("/admin/order/{id}", force, methods=["POST"]),
            Route("/admin/book", show_book),
        ]
    )


def _shown(order: BrokerOrder) -> Json:
    return {
        "broker_order_id": order.broker_order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "qty": shown_qty(order.qty),
        "status": order.status,
        "filled_qty": shown_qty(order.filled),
        "accepted_at": stamp(order.accepted_at),
        "executions": [
            {"fill_id": e.fill_id, "qty": shown_qty(abs(e.qty)), "price": str(e.price), "at": stamp(e.at)}
            for e in order.executions
        ],
    }


async def _object(request: Request) -> Json:
    body = json.loads(await request.body())
    if not isinstance(body, dict):
        raise Problem(422, {"detail": "expected a JSON object"})
    return cast(Json, body)


def _or_422(action: Any, value: Any) -> None:
    try:
        action(value)
    except ValueError as error:
        raise Problem(422, {"detail": str(error)}) from error
