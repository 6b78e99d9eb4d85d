"""What the broker really has: orders, executions, foreign holdings, and every POST that arrived. The judge of tests.

Kept apart from what the gateway *says* of it (gateway.py, alpaca/). One SQLite file; fills are due by time, so they go
on after a restart. An order without a time to fill rests until an admin fills it.
"""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from include.sandbox.prices import Prices, utc
from include.sandbox.store import TABLES, read_qty, stored_qty

# The executions of orders that exist by now. Nothing here may take longer for every order there ever was.
EXECUTED = "FROM broker_orders JOIN executions USING (broker_order_id) WHERE accepted_at <= ?"


@dataclass(frozen=True)
class Execution:
    fill_id: str
    symbol: str
    qty: Decimal  # negative is sold
    price: Decimal
    at: datetime


@dataclass(frozen=True)
class BrokerOrder:
    broker_order_id: str
    client_order_id: str
    symbol: str
    side: str
    qty: Decimal
    status: str
    accepted_at: datetime
    changed_at: datetime
    executions: tuple[Execution, ...]
    ends_at: datetime | None = None
    ends_as: str | None = None

    @property
    def filled(self) -> Decimal:
        return abs(sum((execution.qty for execution in self.executions), Decimal(0)))

    @property
    def is_open(self) -> bool:
        return self.status in ("accepted", "new", "partially_filled")

    @property
    def average_price(self) -> Decimal | None:
        value = sum((abs(execution.qty) * execution.price for execution in self.executions), Decimal(0))
        return round(value / self.filled, 4) if self.filled else None


@dataclass
class Holding:
    """A position at average cost."""

    qty: Decimal = Decimal(0)
    average_price: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)

    def add(self, qty: Decimal, price: Decimal) -> None:
        if self.qty * qty >= 0:
            self.average_price = (self.average_price * abs(self.qty) + price * abs(qty)) / (abs(self.qty + qty) or 1)
        else:
            closed = min(abs(qty), abs(self.qty)) * (1 if self.qty > 0 else -1)
            self.realized += closed * (price - self.average_price)
            if abs(qty) > abs(self.qty):
                self.average_price = price
        self.qty += qty


class Watcher(Protocol):
    """What the book reports of its changes."""

    def awaits(self, order_id: str, due_at: float) -> None: ...

    def executed(self, order_id: str, execution: Execution) -> None: ...

    def finished(self, order_id: str, status: str | None) -> None: ...

    def cleared(self) -> None: ...


class Book:
    """Every method takes the time; an order accepted later than that does not exist yet."""

    def __init__(self, store: sqlite3.Connection, prices: Prices) -> None:
        self.store = store
        self.prices = prices
        self._watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> None:
        """Report every change to a watcher from now on."""
        self._watchers.append(watcher)

    def place(
        self,
        client_order_id: str,
        symbol: str,
        side: str,
        qty: Decimal | int,
        at: float,
        fill_after: float | None,
        fill_parts: int,
        overfill: int = 0,
        *,
        fill_from: float | None = None,
        ends: tuple[float, str] | None = None,
    ) -> str:
        """Accept an order and return the broker's id.

        fill_after: seconds to the last part, None rests.  fill_from: when they begin to count, None at once.
        ends: when what is not filled by then gets which final status.
        """
        broker_order_id = str(uuid.uuid4())
        words = (broker_order_id, client_order_id, symbol, side, stored_qty(qty), overfill, at, fill_after, fill_parts)
        self.store.execute(
            "INSERT INTO broker_orders (broker_order_id, client_order_id, symbol, side, qty, overfill, accepted_at,"
            " fill_after, fill_parts, fill_from, ends_at, ends_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*words, fill_from, *(ends or (None, None))),
        )
        start = at if fill_from is None else fill_from
        due = [due_at for due_at, _ in _parts(Decimal(qty), overfill, start, fill_after, fill_parts)[:1]]
        if due or ends:
            for watcher in self._watchers:
                watcher.awaits(broker_order_id, min([*due, *([ends[0]] if ends else [])]))
        return broker_order_id

    def end(self, broker_order_id: str, at: float, status: str) -> None:
        """Let an open order end at a time to come, with this status, unless it is filled before."""
        with self.store:
            self.store.execute(
                "UPDATE broker_orders SET ends_at = ?, ends_as = ? WHERE broker_order_id = ? AND final_status IS NULL",
                (at, status, broker_order_id),
            )
        for watcher in self._watchers:
            watcher.awaits(broker_order_id, at)

    def forget(self, broker_order_id: str) -> None:
        """Drop an order that has not arrived yet."""
        self.store.execute("DELETE FROM broker_orders WHERE broker_order_id = ?", (broker_order_id,))
        for watcher in self._watchers:
            watcher.finished(broker_order_id, None)

    def order(self, any_id: str, now: float) -> BrokerOrder | None:
        """Find an order by the broker's or the client's id."""
        found = self._orders(now, "(broker_order_id = ? OR client_order_id = ?)", (any_id, any_id))
        return found[0] if found else None

    def orders(self, now: float, symbol: str | None = None) -> list[BrokerOrder]:
        return self._orders(now, "symbol = ?", (symbol,)) if symbol else self._orders(now)

    def close(self, any_id: str, now: float, status: str | None, fill: Decimal | int | None) -> BrokerOrder | None:
        """Force a fill, a final status, or both; a closed order may still be filled late.

        Without a fill, `filled` fills the rest. None when there is no such order.
        """
        order = self.order(any_id, now)
        if order is None:
            return None
        rest = order.qty - order.filled
        if fill is None and status == "filled":
            fill = rest
        with self.store:
            if fill:
                self._execute(order, fill, now, len(order.executions) + 1)
            if status is None and fill is not None and fill >= rest and order.is_open:
                status = "filled"
            if status is not None:
                self._finish(order.broker_order_id, status, now)
        return self.order(order.broker_order_id, now)

    def hold(self, holdings: Mapping[str, Decimal | int]) -> None:
        """Set what is held besides the executions: shares of another system, or left from before."""
        rows = [(symbol, stored_qty(qty)) for symbol, qty in holdings.items()]
        with self.store:
            self.store.executemany("INSERT OR REPLACE INTO holdings VALUES (?, ?)", rows)

    def convert(self, symbol: str, becomes: str, ratio: Fraction, now: float) -> None:
        """Turn the shares held of one symbol into `ratio` times as many of the same or another, rounded towards 0.

        What a split or a renaming does at the broker by itself: no order, no execution.
        """
        held = self.positions(now).get(symbol, Holding()).qty
        self.become(symbol, becomes, Decimal(int(Fraction(held) * ratio)), now)

    def become(self, symbol: str, becomes: str, quantity: Decimal, now: float) -> None:
        """Replace all shares held of a symbol by a quantity of the same or another one."""
        held = self.positions(now).get(symbol, Holding()).qty
        for changed, by in ((symbol, -held), (becomes, quantity)):
            self.hold({changed: self._foreign(changed) + by})

    def positions(self, now: float) -> dict[str, Holding]:
        """Sum executions and foreign holdings; symbols without shares are left out."""
        self._open_orders(now)
        holdings: dict[str, Holding] = {}
        for row in self.store.execute("SELECT symbol, qty FROM holdings"):
            price = self.prices.latest(row["symbol"], utc(now)) or Decimal(0)
            holdings.setdefault(row["symbol"], Holding()).add(read_qty(row["qty"]), price)
        rows = self.store.execute(
            f"SELECT executions.symbol, signed_qty, price {EXECUTED} ORDER BY at, accepted_at, fill_id",
            (now,),
        )
        for row in rows:
            holdings.setdefault(row["symbol"], Holding()).add(read_qty(row["signed_qty"]), Decimal(row["price"]))
        return {symbol: holding for symbol, holding in sorted(holdings.items()) if holding.qty}

    def exposure(self, symbol: str, now: float) -> Decimal:
        """Return the net shares if every open order of the symbol fills."""
        net = self._foreign(symbol)
        for order in self._open_orders(now, symbol):
            rest = max(order.qty - order.filled, Decimal(0)) if order.is_open else Decimal(0)
            net += rest if order.side == "buy" else -rest
        executed = self.store.execute(
            f"SELECT exact_sum(signed_qty) AS qty {EXECUTED} AND broker_orders.symbol = ?",
            (now, symbol),
        ).fetchone()
        return net + Decimal(executed["qty"] or 0)

    def _foreign(self, symbol: str) -> Decimal:
        return self.foreign(symbol).get(symbol, Decimal(0))

    def foreign(self, symbol: str | None = None) -> dict[str, Decimal]:
        """Return what is held besides the executions, of one symbol or of all."""
        rows = self.store.execute("SELECT * FROM holdings WHERE symbol = coalesce(?, symbol)", (symbol,))
        return {row["symbol"]: read_qty(row["qty"]) for row in rows}

    def kept_orders(self) -> list[BrokerOrder]:
        """Return all orders as they were last settled."""
        return [self._read(row) for row in self.store.execute("SELECT * FROM broker_orders").fetchall()]

    def next_due(self, broker_order_id: str) -> float | None:
        """Return when the order fills further or ends by itself, None when it rests or is final."""
        query = "SELECT * FROM broker_orders WHERE broker_order_id = ? AND final_status IS NULL"
        row = self.store.execute(query, (broker_order_id,)).fetchone()
        if row is None:
            return None
        filled = self._read(row).filled
        due = [due_at for due_at, total in _parts_of(row) if total > filled][:1]
        return min([*due, *([row["ends_at"]] if row["ends_at"] is not None else [])], default=None)

    def note_post(self, client_order_id: str, symbol: str, at: float) -> None:
        # A surrogate, which no database stores, is kept as a question mark.
        id, name = (text.encode(errors="replace").decode() for text in (client_order_id, symbol))
        with self.store:
            self.store.execute("INSERT INTO posts VALUES (?, ?, ?)", (at, id, name))

    def posts(self) -> dict[str, int]:
        """Count the POSTs that arrived, by the client's own order id ("" without one), whatever became of them."""
        rows = self.store.execute("SELECT client_order_id AS id, COUNT(*) AS n FROM posts GROUP BY client_order_id")
        return {row["id"]: row["n"] for row in rows}

    def arrivals(self) -> list[tuple[datetime, str, str]]:
        """Return each POST that arrived as (time, client's own order id, symbol), in order."""
        rows = self.store.execute("SELECT at, client_order_id, symbol FROM posts ORDER BY rowid")
        return [(utc(row["at"]), row["client_order_id"], row["symbol"]) for row in rows]

    def clear(self) -> None:
        with self.store:
            for table in TABLES:
                self.store.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
        for watcher in self._watchers:
            watcher.cleared()

    def _open_orders(self, now: float, symbol: str | None = None) -> list[BrokerOrder]:
        """Execute what is due by now, and return the orders that were open until then."""
        if symbol is None:
            return self._orders(now, "final_status IS NULL")
        return self._orders(now, "symbol = ? AND final_status IS NULL", (symbol,))

    def _orders(self, now: float, where: str = "TRUE", values: Iterable[str] = ()) -> list[BrokerOrder]:
        query = f"SELECT * FROM broker_orders WHERE {where} AND accepted_at <= ? ORDER BY accepted_at"  # noqa: S608
        return [self._settled(row, now) for row in self.store.execute(query, (*values, now)).fetchall()]

    def _settled(self, row: sqlite3.Row, now: float) -> BrokerOrder:
        """Execute the parts that are due by now, and read the order."""
        order = self._read(row)
        if row["final_status"] is None and (row["fill_after"] is not None or row["ends_at"] is not None):
            ended = row["ends_at"] is not None and row["ends_at"] <= now
            by = row["ends_at"] if ended else now
            with self.store:
                for due_at, total in _parts_of(row):
                    missing = total - order.filled
                    if due_at <= by and missing > 0:
                        self._execute(order, missing, due_at, len(order.executions) + 1)
                        order = self._read(row)
                if order.filled >= order.qty + row["overfill"]:
                    self._finish(order.broker_order_id, "filled", order.executions[-1].at.timestamp())
                elif ended:
                    self._finish(order.broker_order_id, row["ends_as"], row["ends_at"])
            row = self.store.execute(
                "SELECT * FROM broker_orders WHERE broker_order_id = ?", (order.broker_order_id,)
            ).fetchone()
            order = self._read(row)
        if order.status == "new" and now - _start(row) < (row["fill_after"] or 0) / 4:
            return replace(order, status="accepted")
        return order

    def _read(self, row: sqlite3.Row) -> BrokerOrder:
        executions = tuple(
            Execution(e["fill_id"], e["symbol"], read_qty(e["signed_qty"]), Decimal(e["price"]), utc(e["at"]))
            for e in self.store.execute(
                "SELECT * FROM executions WHERE broker_order_id = ? ORDER BY at, fill_id", (row["broker_order_id"],)
            )
        )
        accepted_at = utc(row["accepted_at"])
        return BrokerOrder(
            row["broker_order_id"],
            row["client_order_id"],
            row["symbol"],
            row["side"],
            read_qty(row["qty"]),
            row["final_status"] or ("partially_filled" if executions else "new"),
            accepted_at,
            max([accepted_at, *(e.at for e in executions), *([utc(row["final_at"])] if row["final_at"] else [])]),
            executions,
            None if row["ends_at"] is None else utc(row["ends_at"]),
            row["ends_as"],
        )

    def _execute(self, order: BrokerOrder, qty: Decimal | int, at: float, number: int) -> None:
        price = self.prices.latest(order.symbol, utc(at))
        if price is None:
            raise ValueError(f"{order.symbol} has no price to fill at")
        signed = Decimal(qty if order.side == "buy" else -qty)
        fill_id = f"{order.broker_order_id}:{number}"
        self.store.execute(
            "INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?)",
            (
                fill_id,
                order.broker_order_id,
                order.symbol,
                stored_qty(signed),
                str(price),
                at,
            ),
        )
        for watcher in self._watchers:
            watcher.executed(order.broker_order_id, Execution(fill_id, order.symbol, signed, price, utc(at)))

    def _finish(self, broker_order_id: str, status: str, at: float) -> None:
        self.store.execute(
            "UPDATE broker_orders SET final_status = ?, final_at = ? WHERE broker_order_id = ?",
            (status, at, broker_order_id),
        )
        for watcher in self._watchers:
            watcher.finished(broker_order_id, status)


def _start(row: sqlite3.Row) -> float:
    start: float = row["accepted_at"] if row["fill_from"] is None else row["fill_from"]
    return start


def _parts_of(row: sqlite3.Row) -> list[tuple[float, Decimal]]:
    return _parts(read_qty(row["qty"]), row["overfill"], _start(row), row["fill_after"], row["fill_parts"])


def _parts(
    qty: Decimal, overfill: int, start: float, fill_after: float | None, fill_parts: int
) -> list[tuple[float, Decimal]]:
    """Return when each part of an order is due, and how much is filled with it."""
    if fill_after is None:
        return []
    total, parts = qty + overfill, max(1, min(fill_parts, int(qty)))
    return [
        (start + fill_after * part / parts, total if part == parts else total * part // parts)
        for part in range(1, parts + 1)
    ]
