"""The sandbox's one SQLite file, and how quantities lie in it: whole ones as integers, fractions as text."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

SCHEMA = """
CREATE TABLE IF NOT EXISTS broker_orders (
    broker_order_id TEXT PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    qty BLOB NOT NULL,
    overfill INTEGER NOT NULL,
    accepted_at REAL NOT NULL,
    fill_after REAL,
    fill_parts INTEGER NOT NULL,
    final_status TEXT,
    final_at REAL,
    fill_from REAL,
    ends_at REAL,
    ends_as TEXT
);
CREATE INDEX IF NOT EXISTS broker_orders_by_symbol ON broker_orders (symbol);
CREATE INDEX IF NOT EXISTS broker_orders_by_client_id ON broker_orders (client_order_id);
CREATE INDEX IF NOT EXISTS broker_orders_open ON broker_orders (accepted_at) WHERE final_status IS NULL;
CREATE TABLE IF NOT EXISTS executions (
    fill_id TEXT PRIMARY KEY,
    broker_order_id TEXT NOT NULL REFERENCES broker_orders,
    symbol TEXT NOT NULL,
    signed_qty BLOB NOT NULL,
    price TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS executions_by_order ON executions (broker_order_id);
CREATE TABLE IF NOT EXISTS holdings (symbol TEXT PRIMARY KEY, qty BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS posts (at REAL NOT NULL, client_order_id TEXT NOT NULL, symbol TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS gateway_orders (
    client_order_id TEXT PRIMARY KEY,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    error_message TEXT,
    broker_order_id TEXT,
    created_at REAL NOT NULL,
    hidden_until REAL NOT NULL,
    blind_until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS alpaca_orders (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    client_order_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL,
    asked TEXT NOT NULL,
    unit_cost TEXT NOT NULL,
    created_at REAL NOT NULL,
    hidden_until REAL NOT NULL,
    says TEXT,
    says_until REAL NOT NULL,
    cancel_asked INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS alpaca_orders_by_time ON alpaca_orders (created_at, seq);
CREATE TABLE IF NOT EXISTS stale_orders (client_order_id TEXT PRIMARY KEY);
"""
TABLES = ("broker_orders", "executions", "holdings", "posts", "gateway_orders", "stale_orders", "alpaca_orders")
# Columns that a file of an older sandbox lacks.
ADDED = {"fill_from": "REAL", "ends_at": "REAL", "ends_as": "TEXT"}


def open_store(path: str) -> sqlite3.Connection:
    """Open the one file of both books; ":memory:" for none. Safe against a killed process, not a power cut."""
    store = sqlite3.connect(path)
    store.row_factory = sqlite3.Row
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = OFF")
    store.executescript(SCHEMA)
    there = {row["name"] for row in store.execute("PRAGMA table_info(broker_orders)")}
    for column in ADDED.keys() - there:
        store.execute(f"ALTER TABLE broker_orders ADD COLUMN {column} {ADDED[column]}")
    store.create_aggregate("exact_sum", 1, ExactSum)  # type: ignore[arg-type]
    return store


class ExactSum:
    """SQLite's sum() would add fractions as floating-point numbers."""

    def __init__(self) -> None:
        self.total = Decimal(0)

    def step(self, value: int | float | str) -> None:
        self.total += read_qty(value)

    def finalize(self) -> str:
        return str(self.total)


def read_qty(stored: int | float | str) -> Decimal:
    return Decimal(str(stored)).normalize() if isinstance(stored, float | str) else Decimal(stored)


def stored_qty(qty: Decimal | int) -> int | str:
    return int(qty) if qty == int(qty) else format(qty, "f")


def shown_qty(qty: Decimal | int) -> int | str:
    """Return a quantity for JSON: a number when it is whole, otherwise text, which keeps every decimal."""
    return int(qty) if qty == int(qty) else format(Decimal(qty).normalize(), "f")
