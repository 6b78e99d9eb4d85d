"""The Execution Gateway (T4) in both contract versions: what it says of orders. What is true of them is the book's.

Its own rows (`gateway_orders`) hold the answer it stored; once the broker has the order, the broker's word is passed
on, unless a fault makes it hide an order or say something else for a while.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from include.sandbox.book import Book, BrokerOrder
from include.sandbox.faults import Json, Twist
from include.sandbox.gates import Gates
from include.sandbox.prices import Prices, utc
from include.sandbox.settings import NOTICE, Settings
from include.sandbox.store import shown_qty
from include.sandbox.web import Handler, Problem, SignatureCheck, build_app, parse, stamp

SERVICE = "sandbox_execution_gateway"
VERSION = "sandbox-1"
TERMINAL = frozenset({"filled", "canceled", "expired", "failed", "rejected", "replaced", "done_for_day"})
FIRST_WORD = {"v1": "accepted", "v2": "pending_new"}

Price = Annotated[Decimal, Field(gt=0)]


class OrderV1(BaseModel):
    """A new order; v1 does not look at client_order_id."""

    symbol: Annotated[str, StringConstraints(to_upper=True)]
    side: Literal["buy", "sell"]
    qty: int = Field(gt=0)
    order_type: Literal["market", "limit", "stop", "stop_limit"] = "market"
    limit_price: Price | None = None
    stop_price: Price | None = None
    time_in_force: Literal["day", "gtc", "ioc", "fok"] = "day"


class OrderV2(OrderV1):
    client_order_id: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{1,24}$")

    @model_validator(mode="after")
    def _prices_fit_the_type(self) -> OrderV2:
        for name in ("limit", "stop"):
            if name in self.order_type and getattr(self, f"{name}_price") is None:
                raise ValueError(f"{name}_price is required for {self.order_type} orders")
        return self


@dataclass(frozen=True)
class Refusal:
    """How the gateway passes on that the broker did not take an order, and the status it stores, None for nothing."""

    status: int
    words: str
    stored_v1: str | None
    stored_v2: str | None


REFUSALS = {
    "validation": Refusal(400, "Order validation failed", None, "rejected"),
    "rejection": Refusal(422, "Order rejected by broker", None, "rejected"),
    "broker_down": Refusal(503, "Broker connection error", None, "failed"),
    "connection": Refusal(500, "Unexpected error during order submission", "rejected", "pending_new"),
    "never_sent": Refusal(200, "", "pending_new", "pending_new"),
}


def server_order_id(order: OrderV1, contract: str, strategy_id: str, day: str) -> str:
    """Return the id the gateway makes: 24 hex characters of a SHA-256. Source: service-contracts 2.4."""
    limit, stop = order.limit_price, order.stop_price
    parts: list[Any] = [order.symbol, order.side, order.qty]
    if contract == "v1":
        parts += [limit, stop]
    else:
        parts += [None if price is None else f"{price:.2f}" for price in (limit, stop)]
        parts += [order.order_type, order.time_in_force]
    text = "|".join(str(part) for part in [*parts, strategy_id, day])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Gateway:
    def __init__(self, settings: Settings, store: sqlite3.Connection, book: Book, prices: Prices) -> None:
        self.settings, self.store, self.book, self.prices = settings, store, book, prices
        self.gates = Gates(settings)

    def clear(self) -> None:
        """Forget what is not in the file."""
        self.gates.clear()

    @property
    def v2(self) -> bool:
        return self.settings.contract == "v2"

    def app(self) -> Starlette:
        secret = self.settings.secret if self.v2 else None
        guard = SignatureCheck(secret.get_secret_value()).guard if secret else _unguarded
        routes = [
            Route("/", self._root),
            Route("/health", self._health),
            Route("/api/v1/orders", guard(self._post_order), methods=["POST"]),
            Route("/api/v1/orders/{id}", guard(self._get_order)),
            Route("/api/v1/positions", guard(self._positions)),
        ]
        if self.v2:
            routes += [
                Route("/api/v1/config", self._config),
                Route("/api/v1/fat-finger/thresholds", self._thresholds),
                Route("/api/v1/reconciliation/status", self._reconciliation),
                Route("/api/v1/orders/{id}/cancel", guard(self._cancel), methods=["POST"]),
                *self.gates.routes(guard),
            ]
        return build_app(routes)

    def notice(self, scope: Scope, fields: Json) -> set[str]:
        """Count the POSTs for the judge, and say which symbol a request is about."""
        path = scope["path"].removeprefix("/api/v1/orders")
        if path == "" and scope["method"] == "POST":
            symbol = str(fields.get("symbol", "")).upper()
            self.book.note_post(str(fields.get("client_order_id") or ""), symbol, self._now())
            return {symbol}
        row = self._row(path.split("/")[1]) if path.startswith("/") else None
        return {json.loads(row["payload"])["symbol"]} if row else set()

    # ── orders ──

    async def _post_order(self, request: Request) -> Response:
        if self.v2:
            self.gates.limit_rate()
        order = await parse(request, OrderV2 if self.v2 else OrderV1)
        return JSONResponse(self._submit(order, request.scope.get("twist", Twist())))

    def _submit(self, order: OrderV1, twist: Twist) -> Json:
        if self.v2:
            self.gates.check()
        now = self._now()
        wanted = getattr(order, "client_order_id", None)
        order_id = wanted or server_order_id(
            order, self.settings.contract, self.settings.strategy_id, self.settings.gateway_day().isoformat()
        )
        payload = order.model_dump_json(exclude={"client_order_id"})
        row = self._row(order_id)
        if row is not None and row["created_at"] > now:  # lost on its way until now: this one overtakes it
            self.store.execute("DELETE FROM gateway_orders WHERE client_order_id = ?", (order_id,))
            self.book.forget(row["broker_order_id"])
            row = None
        if row is not None:
            if self.v2 and row["payload"] != payload:
                words = f"client_order_id '{order_id}' already exists for a different order. Supply a unique ID."
                raise Problem(409, {"detail": words})
            again = f"Order already submitted (status: {self._says(row, now)[0]})"
            return self._acknowledgement(row, "Order already exists (idempotent retry)" if self.v2 else again)
        if self.v2:
            self._check_limits(order, now)
        status, message, refusal = self._outcome(order, twist)
        reason = self.settings.reject.get(order.symbol, twist.reason if twist.cause else "asset not found")
        created_at, broker_order_id = now + twist.appears_after, None
        if status != "dry_run" and (refusal is None or twist.live):
            broker_order_id = self.book.place(
                order_id,
                order.symbol,
                order.side,
                order.qty,
                created_at,
                self.settings.fill_after_seconds if order.order_type == "market" else None,
                self.settings.fill_parts,
                twist.overfill,
            )
        if status is not None:
            error = f"{refusal.words}: {reason}" if refusal and refusal.words else None
            blind_until = now + twist.says_for if twist.says or twist.live else 0
            with self.store:
                self.store.execute(
                    "INSERT INTO gateway_orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        order_id,
                        payload,
                        twist.says or status,
                        error,
                        broker_order_id,
                        created_at,
                        created_at + twist.hidden_for,
                        blind_until,
                    ),
                )
                if twist.stale:
                    self.store.execute("INSERT INTO stale_orders VALUES (?)", (order_id,))
        if refusal and refusal.status != 200:
            raise Problem(refusal.status, self._refusal_body(refusal, reason))
        return self._acknowledgement(self._stored(order_id), message, first=True)

    def _outcome(self, order: OrderV1, twist: Twist) -> tuple[str | None, str, Refusal | None]:
        """Return the status to store (None for no row), the message, and the refusal if there is one."""
        if self.settings.mode == "dry_run":
            return "dry_run", "Order logged (DRY_RUN mode)", None
        unknown = order.symbol in self.settings.reject or self.prices.latest(order.symbol, self.settings.now()) is None
        message = "Order submitted" if self.v2 else "Order submitted to broker"
        if cause := twist.cause or ("rejection" if unknown else None):
            refusal = REFUSALS[cause]
            return (refusal.stored_v2 if self.v2 else refusal.stored_v1), message, refusal
        return FIRST_WORD[self.settings.contract], message, None

    def _refusal_body(self, refusal: Refusal, reason: str) -> Json:
        if self.v2:
            return {"detail": f"{refusal.words}: {reason}"}
        return {"error": refusal.words, "detail": reason, "timestamp": stamp(self.settings.now())}

    def _check_limits(self, order: OrderV1, now: float) -> None:
        price = self.prices.latest(order.symbol, self.settings.now())
        reasons = []
        if price is not None and price * order.qty > self.settings.max_notional_usd:
            reasons.append("notional")
        if order.qty > self.settings.max_order_shares:
            reasons.append("qty")
        if price is None and order.symbol not in self.settings.reject:
            reasons.append("data_unavailable")
        if reasons:
            raise Problem(400, {"detail": f"Order rejected by fat-finger checks: {', '.join(reasons)}"})
        signed = order.qty if order.side == "buy" else -order.qty
        net, limit = abs(self.book.exposure(order.symbol, now) + signed), self.settings.max_position_shares
        if net > limit:
            words = f"Position limit exceeded: {net:f} > {limit}"
            detail = {"error": "Position limit exceeded", "message": words}
            raise Problem(422, {"detail": {**detail, "symbol": order.symbol, "max_position_size": limit}})

    async def _get_order(self, request: Request) -> Response:
        row = self._visible(request)
        now = self._now()
        status, order = self._says(row, now)
        stale = self._is_stale(row)
        filled = order.filled if order and not stale else 0
        payload = json.loads(row["payload"])
        created_at = stamp(utc(row["created_at"]))
        changed_at = stamp(order.changed_at) if order and not stale else created_at
        detail = {
            "client_order_id": row["client_order_id"],
            "strategy_id": self.settings.strategy_id,
            **payload,
            "status": status,
            "broker_order_id": order.broker_order_id if order else None,
            "error_message": row["error_message"],
            "retry_count": 0,
            "created_at": created_at,
            "updated_at": changed_at,
            "submitted_at": created_at if order else None,
            "filled_at": changed_at if status == "filled" else None,
            "filled_qty": str(shown_qty(filled)),
            "filled_avg_price": str(order.average_price) if order and filled else None,
            "metadata": {},
        }
        if self.v2:
            fills = [
                {
                    "fill_id": execution.fill_id,
                    "fill_qty": shown_qty(abs(execution.qty)),
                    "fill_price": str(execution.price),
                    "timestamp": stamp(execution.at),
                    "realized_pl": "0",
                    "fee_currency": "USD",
                }
                for execution in (order.executions if order else ())
            ]
            detail["metadata"] = {"fills": fills, "total_realized_pl": "0"} if fills else {}
            detail |= {"execution_style": "instant", "replaced_order_id": None, "parent_order_id": None}
            detail |= {"slice_num": None, "total_slices": None, "scheduled_time": None}
        return JSONResponse(detail)

    async def _cancel(self, request: Request) -> Response:
        row = self._visible(request)
        status, order = self._says(row, self._now())
        message = "Order already in terminal state"
        if status not in TERMINAL:
            status, message = "canceled", "Order canceled"
            if order:
                self.book.close(order.broker_order_id, self._now(), "canceled", None)
            with self.store:
                self.store.execute(
                    "UPDATE gateway_orders SET status = ? WHERE client_order_id = ?", (status, row["client_order_id"])
                )
        return JSONResponse({"client_order_id": row["client_order_id"], "status": status, "message": message})

    def _acknowledgement(self, row: sqlite3.Row, message: str, first: bool = False) -> Json:
        payload = json.loads(row["payload"])
        blind = first and row["blind_until"] > 0
        answer = {
            "client_order_id": row["client_order_id"],
            "status": row["status"] if first else self._says(row, self._now())[0],
            "broker_order_id": None if blind else row["broker_order_id"],
            **{name: payload[name] for name in ("symbol", "side", "qty", "order_type", "limit_price", "stop_price")},
            "created_at": stamp(utc(row["created_at"])),
            "message": message,
        }
        if not self.v2:
            del answer["stop_price"]
        return answer

    def _says(self, row: sqlite3.Row, now: float) -> tuple[str, BrokerOrder | None]:
        """Return the status the gateway gives, and the broker's order if it lets on that there is one."""
        if row["broker_order_id"] is None or now < row["blind_until"]:
            return row["status"], None
        order = self.book.order(row["broker_order_id"], now)
        if order is None or self._is_stale(row):
            return row["status"], order
        return (FIRST_WORD[self.settings.contract] if order.status == "accepted" else order.status), order

    def _visible(self, request: Request) -> sqlite3.Row:
        row = self._row(request.path_params["id"])
        if row is None or self._now() < row["hidden_until"]:
            raise Problem(404, {"detail": f"Order not found: {request.path_params['id']}"})
        return row

    def _row(self, order_id: str) -> sqlite3.Row | None:
        query = "SELECT * FROM gateway_orders WHERE client_order_id = ?"
        row: sqlite3.Row | None = self.store.execute(query, (order_id,)).fetchone()
        return row

    def _is_stale(self, row: sqlite3.Row) -> bool:
        query = "SELECT 1 FROM stale_orders WHERE client_order_id = ?"
        return self.store.execute(query, (row["client_order_id"],)).fetchone() is not None

    def _stored(self, order_id: str) -> sqlite3.Row:
        row = self._row(order_id)
        assert row is not None
        return row

    def _now(self) -> float:
        return self.settings.now().timestamp()

    # ── positions ──

    async def _positions(self, _: Request) -> Response:
        now = self.settings.now()
        positions, unrealized, realized = [], Decimal(0), Decimal(0)
        for symbol, holding in self.book.positions(now.timestamp()).items():
            price = self.prices.latest(symbol, now)
            gain = None if price is None else (price - holding.average_price) * holding.qty
            unrealized, realized = unrealized + (gain or 0), realized + holding.realized
            positions.append(
                {
                    "symbol": symbol,
                    "qty": str(shown_qty(holding.qty)),
                    "avg_entry_price": str(round(holding.average_price, 4)),
                    "current_price": None if price is None else str(price),
                    "unrealized_pl": None if gain is None else str(round(gain, 2)),
                    "realized_pl": str(round(holding.realized, 2)),
                    "updated_at": stamp(now),
                    "last_trade_at": None,
                }
            )
        total = str(round(unrealized, 2)) if positions else None
        totals = {"total_unrealized_pl": total, "total_realized_pl": str(round(realized, 2))}
        return JSONResponse({"positions": positions, "total_positions": len(positions), **totals})

    # ── about itself ──

    @property
    def _itself(self) -> Json:
        return {"service": SERVICE, "version": VERSION, "dry_run": self.settings.mode == "dry_run"}

    async def _root(self, _: Request) -> Response:
        return JSONResponse({**self._itself, "status": "running", "notice": NOTICE})

    async def _health(self, _: Request) -> Response:
        live = self.settings.mode == "live"
        url = "https://api.alpaca.markets" if live else "https://paper-api.alpaca.markets"
        details = {"strategy_id": self.settings.strategy_id, "alpaca_base_url": url}
        connected = {"database_connected": True, "alpaca_connected": self.settings.mode != "dry_run"}
        timestamp = stamp(self.settings.now())
        # A breaker that tripped does not show here; one whose state is missing does.
        status = "degraded" if self.v2 and self.settings.breaker == "missing" else "healthy"
        return JSONResponse({"status": status, **self._itself, **connected, "timestamp": timestamp, "details": details})

    async def _config(self, _: Request) -> Response:
        config = {**self._itself, "environment": "sandbox", "alpaca_paper": self.settings.mode != "live"}
        config |= {"circuit_breaker_enabled": False, "liquidity_check_enabled": False, "max_slice_pct_of_adv": 0.01}
        return JSONResponse({**config, "timestamp": stamp(self.settings.now())})

    async def _thresholds(self, _: Request) -> Response:
        limits = {"max_notional": str(self.settings.max_notional_usd), "max_qty": self.settings.max_order_shares}
        thresholds = {"default_thresholds": {**limits, "max_adv_pct": None}, "symbol_overrides": {}}
        return JSONResponse({**thresholds, "updated_at": stamp(self.settings.now())})

    async def _reconciliation(self, _: Request) -> Response:
        return JSONResponse({"startup_complete": True, "dry_run": self._itself["dry_run"]})


def _unguarded(handler: Handler) -> Handler:
    return handler
