"""The orders: what was asked is kept here, what became of it is the book's, and what is said of it may be a fault's."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from include.sandbox.alpaca.account import Account
from include.sandbox.alpaca.assets import Assets
from include.sandbox.alpaca.errors import Refused, forbidden, malformed, not_found, unprocessable
from include.sandbox.alpaca.form import Form
from include.sandbox.alpaca.hours import Hours, Schedule
from include.sandbox.alpaca.money import check_money, unit_cost
from include.sandbox.alpaca.order_body import CLOSED, order_body
from include.sandbox.alpaca.rules import Asset, OpenOrder, check_form, check_shares, check_wash_trade, opens
from include.sandbox.book import Book
from include.sandbox.faults import Twist
from include.sandbox.prices import Prices
from include.sandbox.settings import Settings

NINE_DECIMALS = Decimal("1e-9")
FOR_EVER = 1e12


class Orders:
    def __init__(
        self, settings: Settings, book: Book, prices: Prices, hours: Hours, assets: Assets, account: Account
    ) -> None:
        self.settings, self.book, self.prices = settings, book, prices
        self.hours, self.assets, self.account = hours, assets, account
        self.store = book.store

    # ── placing ──

    def place(self, form: Form, twist: Twist) -> dict[str, Any]:
        """Accept an order or raise Refused; a fault's twist may do both."""
        now = self.settings.now()
        own_id = form.client_order_id or str(uuid.uuid4())
        self._check_unique(own_id, now)
        if twist.cause and not twist.live:
            if twist.cause == "never_sent":
                return self._keep(form, own_id, None, now, Decimal(0), twist)
            raise _refusal(twist)
        asset, price = self._asset(form.symbol, now)
        form = replace(form, symbol=asset.symbol)  # the asset's id does as well
        check_form(form, asset, price)
        qty = form.qty
        if form.notional is not None:
            qty = (form.notional / price).quantize(NINE_DECIMALS, ROUND_DOWN)
        assert qty is not None
        cost = self._check_account(form, qty, asset, now)
        order_id = self._send(form, own_id, qty, price, now, twist)
        self.account.tally.opened(OpenOrder(order_id, form.symbol, form.side, form.type, form.limit_price, qty, cost))
        answer = self._keep(form, own_id, order_id, now, cost, twist)
        if twist.cause:
            raise _refusal(twist)
        return answer

    def _check_unique(self, own_id: str, now: datetime) -> None:
        row = self._row("client_order_id", own_id)
        if row is not None and row["created_at"] > now.timestamp():  # lost on its way until now: this one overtakes it
            self.store.execute("DELETE FROM alpaca_orders WHERE id = ?", (row["id"],))
            self.book.forget(row["id"])
        elif row is not None:
            raise malformed("client_order_id must be unique")

    def _asset(self, symbol: str, now: datetime) -> tuple[Asset, Decimal]:
        if symbol in self.settings.reject:
            raise unprocessable(self.settings.reject[symbol])
        asset = self.assets.find(symbol)
        price = self.prices.latest(asset.symbol, now) if asset else None
        if asset is None or price is None:
            raise unprocessable(f'could not find asset "{symbol}"')
        return asset, price

    def _check_account(self, form: Form, qty: Decimal, asset: Asset, now: datetime) -> Decimal:
        """Refuse what the account may not or cannot; return what a share reserves."""
        if self.account.is_blocked():
            raise forbidden("account is not authorized to trade")
        open_orders = self.account.open_orders(now)
        position = self.account.position(asset.symbol, now)
        standing = self.account.standing(now, open_orders)
        check_shares(form, qty, asset, position, open_orders, self.account.may_short(standing))
        check_wash_trade(form, open_orders)
        if not opens(form.side, position):
            return Decimal(0)
        quote = self.prices.quote(asset.symbol, now)
        assert quote is not None  # it has a price
        cost = unit_cost(form, quote[1])
        check_money(form.notional or cost * qty, standing.buying_power)
        return cost

    def _send(self, form: Form, own_id: str, qty: Decimal, price: Decimal, now: datetime, twist: Twist) -> str:
        marketable = _is_marketable(form, price)
        schedule = self._schedule(form, marketable, now)
        at_auction = schedule.fill_from is not None and form.time_in_force in ("opg", "cls")
        fill_after: float | None = None
        if marketable:
            fill_after = 0 if at_auction else self.settings.fill_after_seconds
        later = twist.appears_after
        return self.book.place(
            own_id,
            form.symbol,
            form.side,
            qty,
            now.timestamp() + later,
            fill_after,
            1 if at_auction else self.settings.fill_parts,
            twist.overfill,
            fill_from=None if schedule.fill_from is None else schedule.fill_from.timestamp(),
            ends=None if schedule.ends is None else (schedule.ends[0].timestamp() + later, schedule.ends[1]),
        )

    def _keep(
        self, form: Form, own_id: str, order_id: str | None, now: datetime, cost: Decimal, twist: Twist
    ) -> dict[str, Any]:
        is_open = self.settings.alpaca_clock == "always_open" or self.hours.is_open(now)
        first_word = "pending_new" if is_open else "accepted"
        says = "pending_new" if twist.stale or order_id is None else twist.says
        says_for = FOR_EVER if twist.stale or order_id is None else twist.says_for
        asked = {name: str(v) if isinstance(v, Decimal) else v for name, v in vars(form).items()}
        created_at = now.timestamp() + twist.appears_after
        with self.store:
            self.store.execute(
                "INSERT INTO alpaca_orders (id, client_order_id, symbol, asked, unit_cost, created_at, hidden_until,"
                " says, says_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    order_id or str(uuid.uuid4()),
                    own_id,
                    form.symbol,
                    json.dumps(asked),
                    str(cost),
                    created_at,
                    created_at + twist.hidden_for,
                    says,
                    now.timestamp() + says_for if says else 0,
                ),
            )
        row = self._row("client_order_id", own_id)
        assert row is not None
        return order_body(self.assets, self.hours, row, None, twist.says or first_word)

    def _schedule(self, form: Form, marketable: bool, now: datetime) -> Schedule:
        return self.hours.schedule(form, marketable, now, self.settings.alpaca_clock == "always_open")

    # ── reading ──

    def by_id(self, order_id: str) -> dict[str, Any]:
        return self._said(self._visible("id", order_id, f"order not found for {order_id}"))

    def by_client_id(self, own_id: str) -> dict[str, Any]:
        return self._said(self._visible("client_order_id", own_id, f"order not found for {own_id}"))

    def said(self, rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
        return [self._said(row) for row in rows]

    def symbol_of(self, any_id: str) -> str | None:
        row = self._row("id", any_id) or self._row("client_order_id", any_id)
        return None if row is None else str(row["symbol"])

    def visible(self, order_id: str) -> sqlite3.Row:
        return self._visible("id", order_id, f"order not found for {order_id}")

    def _visible(self, column: str, value: str, words: str) -> sqlite3.Row:
        row = self._row(column, value)
        if row is None or self.settings.now().timestamp() < row["hidden_until"]:
            raise not_found(words)
        return row

    def _row(self, column: str, value: str) -> sqlite3.Row | None:
        query = f"SELECT * FROM alpaca_orders WHERE {column} = ?"  # noqa: S608 - a name of our own
        row: sqlite3.Row | None = self.store.execute(query, (value,)).fetchone()
        return row

    def _said(self, row: sqlite3.Row) -> dict[str, Any]:
        now = self.settings.now().timestamp()
        if row["says"] and now < row["says_until"]:
            return order_body(self.assets, self.hours, row, None, row["says"])
        order = self.book.order(row["id"], now)
        if order is None:
            return order_body(self.assets, self.hours, row, None, "pending_new")
        pending = row["cancel_asked"] and order.status in ("accepted", "new", "partially_filled")
        return order_body(self.assets, self.hours, row, order, "pending_cancel" if pending else order.status)

    # ── canceling ──

    def cancel(self, row: sqlite3.Row) -> None:
        """Take a request to cancel; what is filled before it is carried out stays filled."""
        now = self.settings.now()
        status = self._said(row)["status"]
        if status in CLOSED:
            raise unprocessable(f'order is already in "{status}" state')
        if row["cancel_asked"]:
            raise unprocessable("order pending cancel")
        after = self.settings.alpaca_cancel_seconds
        order = self.book.order(row["id"], now.timestamp())
        with self.store:
            self.store.execute("UPDATE alpaca_orders SET cancel_asked = 1 WHERE id = ?", (row["id"],))
            if order is None:
                words = ("canceled", FOR_EVER, row["id"])
                self.store.execute("UPDATE alpaca_orders SET says = ?, says_until = ? WHERE id = ?", words)
        if order is not None and after and order.status in ("accepted", "new", "partially_filled"):
            self.book.end(order.broker_order_id, now.timestamp() + after, "canceled")
        elif order is not None and order.status not in CLOSED:
            self.book.close(order.broker_order_id, now.timestamp(), "canceled", None)


def _is_marketable(form: Form, price: Decimal) -> bool:
    if form.type == "limit" and form.limit_price is not None:
        return form.limit_price >= price if form.side == "buy" else form.limit_price <= price
    return form.type == "market"


def _refusal(twist: Twist) -> Refused:
    if twist.cause in ("broker_down", "connection"):
        return Refused(503 if twist.cause == "broker_down" else 500, 50010000, twist.reason)
    return unprocessable(twist.reason)
