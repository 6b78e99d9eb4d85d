"""What the book adds up to, kept in memory: a POST must not take longer for every order there ever was."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal

from include.sandbox.alpaca.order_body import CLOSED
from include.sandbox.alpaca.rules import OpenOrder
from include.sandbox.book import Book, BrokerOrder, Execution


class Tally:
    """Follows the book's every change; `settle` first, then read."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self.cleared()
        for order in book.kept_orders():
            for execution in order.executions:
                self._count(execution)
            self._await(order.broker_order_id, now=float("-inf"))
            if order.status not in CLOSED:
                self._remember(order)
        book.watch(self)

    def settle(self, now: float) -> None:
        """Have everything executed, and everything ended, that is due by now."""
        while self._due and self._due[0][0] <= now:
            _, order_id = heapq.heappop(self._due)
            self._book.order(order_id, now)
            self._await(order_id, now)

    def opened(self, order: OpenOrder) -> None:
        """Count an order of the Trading API as open, until it is finished."""
        self.open_orders[order.id] = order

    # ── what the book reports ──

    def cleared(self) -> None:
        self.net: dict[str, Decimal] = defaultdict(Decimal)
        self.changed: set[str] = set()
        self.is_new = True
        self.cash_flow = Decimal(0)
        self.open_orders: dict[str, OpenOrder] = {}
        self._due: list[tuple[float, str]] = []

    def awaits(self, order_id: str, due_at: float) -> None:
        heapq.heappush(self._due, (due_at, order_id))

    def executed(self, order_id: str, execution: Execution) -> None:
        self._count(execution)
        if order := self.open_orders.get(order_id):
            self.open_orders[order_id] = replace(order, rest=order.rest - abs(execution.qty))

    def finished(self, order_id: str, status: str | None) -> None:
        if status is None or status in CLOSED:
            self.open_orders.pop(order_id, None)

    def _count(self, execution: Execution) -> None:
        self.net[execution.symbol] += execution.qty
        self.changed.add(execution.symbol)
        self.cash_flow -= execution.qty * execution.price

    def _await(self, order_id: str, now: float) -> None:
        due_at = self._book.next_due(order_id)
        if due_at is not None and due_at > now:
            self.awaits(order_id, due_at)

    def _remember(self, order: BrokerOrder) -> None:
        row = self._book.store.execute(
            "SELECT asked, unit_cost FROM alpaca_orders WHERE id = ?", (order.broker_order_id,)
        ).fetchone()
        if row is not None:
            asked = json.loads(row["asked"])
            limit = None if asked["limit_price"] is None else Decimal(asked["limit_price"])
            terms = (asked["type"], limit, order.qty - order.filled, Decimal(row["unit_cost"]))
            self.opened(OpenOrder(order.broker_order_id, order.symbol, order.side, *terms))
