"""The routes of the Trading API v2, with the market data of the sandbox beside them."""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from include.sandbox.alpaca.account import Account
from include.sandbox.alpaca.activities import list_activities
from include.sandbox.alpaca.assets import Assets, asset_body
from include.sandbox.alpaca.errors import NOT_FOUND, malformed
from include.sandbox.alpaca.form import Form, read_amount, read_body, read_form
from include.sandbox.alpaca.front import Guard
from include.sandbox.alpaca.hours import Hours, calendar_body, clock_body
from include.sandbox.alpaca.listing import list_orders, read_time
from include.sandbox.alpaca.orders import NINE_DECIMALS, Orders
from include.sandbox.book import Book
from include.sandbox.cash import Cash
from include.sandbox.faults import Json, Twist
from include.sandbox.market import MarketData
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings
from include.sandbox.web import Problem

ONE = re.compile(r"/v2/(orders|positions|assets)/([^/]+)$")


class Alpaca:
    def __init__(self, settings: Settings, book: Book, prices: Prices, market: MarketData, cash: Cash) -> None:
        self.settings, self.book, self.prices, self.market, self.cash = settings, book, prices, market, cash
        self.hours, self.assets = Hours(prices), Assets(settings, prices)
        self.account = Account(settings, book, prices, self.assets)
        self.orders = Orders(settings, book, prices, self.hours, self.assets, self.account)

    def app(self) -> ASGIApp:
        routes = [
            Route("/v2/orders", self._place, methods=["POST"]),
            Route("/v2/orders", self._list, methods=["GET"]),
            Route("/v2/orders", self._cancel_all, methods=["DELETE"]),
            Route("/v2/orders:by_client_order_id", self._by_client_id, methods=["GET"]),
            Route("/v2/orders/{id}", self._by_id, methods=["GET"]),
            Route("/v2/orders/{id}", self._cancel, methods=["DELETE"]),
            Route("/v2/positions", self._positions, methods=["GET"]),
            Route("/v2/positions", self._close_all, methods=["DELETE"]),
            Route("/v2/positions/{symbol}", self._position, methods=["GET"]),
            Route("/v2/positions/{symbol}", self._close, methods=["DELETE"]),
            Route("/v2/account", self._account, methods=["GET"]),
            Route("/v2/account/activities", self._activities, methods=["GET"]),
            Route("/v2/account/activities/{kind}", self._activities, methods=["GET"]),
            Route("/v2/assets", self._list_assets, methods=["GET"]),
            Route("/v2/assets/{symbol}", self._asset, methods=["GET"]),
            Route("/v2/clock", self._clock, methods=["GET"]),
            Route("/v2/calendar", self._calendar, methods=["GET"]),
            *self.market.routes(),
        ]
        handlers: Any = {Problem: _problem, HTTPException: _http_error}
        return Guard(Starlette(routes=routes, exception_handlers=handlers), self.settings)

    def notice(self, scope: Scope, fields: Json) -> set[str]:
        """Count the POSTs for the judge, and say which symbols a request is about."""
        if scope["path"] == "/v2/orders" and scope["method"] == "POST":
            symbol = str(fields.get("symbol") or "").upper()
            self.book.note_post(str(fields.get("client_order_id") or ""), symbol, self.settings.now().timestamp())
            return {symbol}
        query = Request(scope).query_params
        one = ONE.match(scope["path"])
        if one and one[1] != "orders":
            return {one[2].upper()}
        own_id = one[2] if one else query.get("client_order_id")
        symbol_of_order = self.orders.symbol_of(own_id) if own_id else None
        if symbol_of_order:
            return {symbol_of_order}
        return {symbol.upper() for symbol in query.get("symbols", "").split(",") if symbol}

    # ── orders ──

    async def _place(self, request: Request) -> Response:
        form = read_form(read_body(await request.body()))
        return JSONResponse(self.orders.place(form, request.scope.get("twist", Twist())))

    async def _list(self, request: Request) -> Response:
        return JSONResponse(list_orders(self.orders, request.query_params))

    async def _by_id(self, request: Request) -> Response:
        return JSONResponse(self.orders.by_id(request.path_params["id"]))

    async def _by_client_id(self, request: Request) -> Response:
        own_id = request.query_params.get("client_order_id")
        if not own_id:
            raise malformed("client_order_id is required")
        return JSONResponse(self.orders.by_client_id(own_id))

    async def _cancel(self, request: Request) -> Response:
        self.orders.cancel(self.orders.visible(request.path_params["id"]))
        return Response(status_code=204)

    async def _cancel_all(self, _: Request) -> Response:
        answers = []
        for order in list_orders(self.orders, {"limit": "500", "status": "open"}):
            try:
                self.orders.cancel(self.orders.visible(order["id"]))
                answers.append({"id": order["id"], "status": 200})
            except Problem as problem:
                answers.append({"id": order["id"], "status": problem.status})
        return JSONResponse(answers, 207)

    # ── positions ──

    async def _positions(self, _: Request) -> Response:
        return JSONResponse(self.account.positions(self.settings.now()))

    async def _position(self, request: Request) -> Response:
        return JSONResponse(self.account.one_position(request.path_params["symbol"], self.settings.now()))

    async def _close(self, request: Request) -> Response:
        position = self.account.one_position(request.path_params["symbol"], self.settings.now())
        qty, query = abs(Decimal(position["qty"])), request.query_params
        if "qty" in query:
            qty = read_amount("qty", query["qty"])
        elif "percentage" in query:
            part = read_amount("percentage", query["percentage"])
            if part > 100:
                raise malformed("percentage must be between 0 and 100")
            qty = (qty * part / 100).quantize(NINE_DECIMALS if qty % 1 else Decimal(1), ROUND_DOWN)
        return JSONResponse(self.orders.place(_closing(position, qty), Twist()))

    async def _close_all(self, request: Request) -> Response:
        if request.query_params.get("cancel_orders") == "true":
            await self._cancel_all(request)
        answers = []
        for position in self.account.positions(self.settings.now()):
            answer: Json = {"symbol": position["symbol"]}
            try:
                closing = _closing(position, abs(Decimal(position["qty"])))
                answer |= {"status": 200, "body": self.orders.place(closing, Twist())}
            except Problem as problem:
                answer |= {"status": problem.status, "body": problem.body}
            answers.append(answer)
        return JSONResponse(answers, 207)

    # ── account, assets, market ──

    async def _account(self, _: Request) -> Response:
        return JSONResponse(self.account.body(self.settings.now()))

    async def _activities(self, request: Request) -> Response:
        kinds = request.path_params.get("kind") or request.query_params.get("activity_types", "")
        return JSONResponse(list_activities(self.book, self.cash, self.settings.now(), request.query_params, kinds))

    async def _list_assets(self, request: Request) -> Response:
        query = request.query_params
        bodies = [asset_body(asset) for asset in self.assets.all()]
        for name, field in (("status", "status"), ("exchange", "exchange"), ("asset_class", "class")):
            if query.get(name):
                bodies = [body for body in bodies if body[field] == query[name]]
        if query.get("attributes"):
            bodies = []
        return JSONResponse(bodies)

    async def _asset(self, request: Request) -> Response:
        return JSONResponse(asset_body(self.assets.get(request.path_params["symbol"])))

    async def _clock(self, _: Request) -> Response:
        always_open = self.settings.alpaca_clock == "always_open"
        return JSONResponse(clock_body(self.hours, self.settings.now(), always_open))

    async def _calendar(self, request: Request) -> Response:
        query, days = request.query_params, self.prices.sessions
        start = read_time("start", query["start"]).date() if query.get("start") else days[0]
        end = read_time("end", query["end"]).date() if query.get("end") else days[-1]
        return JSONResponse(calendar_body(self.hours.between(start, end)))


def _closing(position: Json, qty: Decimal) -> Form:
    side = "sell" if position["side"] == "long" else "buy"
    return read_form(
        {"symbol": position["symbol"], "side": side, "type": "market", "time_in_force": "day", "qty": str(qty)}
    )


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return JSONResponse(error.body, error.status, error.headers)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = "endpoint not found" if error.status_code == 404 else str(error.detail)
    return JSONResponse({"code": NOT_FOUND, "message": words}, error.status_code, error.headers)
