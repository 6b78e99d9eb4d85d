"""The ledger: Postgres behind one object. It keeps the truth about runs, plans and orders, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.errors import UndefinedFunction, UndefinedTable
from psycopg.rows import dict_row, tuple_row

from include.ledger.accounts import Accounts
from include.ledger.adapting import store_clean_text
from include.ledger.alerts import Alerts
from include.ledger.books import Books
from include.ledger.corrections import Corrections
from include.ledger.deliveries import Deliveries
from include.ledger.identity import halt_if_restored
from include.ledger.migrations import NEWEST, check_version
from include.ledger.movements import Movements
from include.ledger.orders import Orders
from include.ledger.plans import Plans
from include.ledger.runs import Runs
from include.ledger.session import PATIENCE, SET_TIMEOUTS, LedgerCursor, connect, told
from include.ledger.steps import Steps
from include.trading.account.row import Account
from include.trading.errors import Unavailable
from include.trading.order.gate import RATE_WINDOW
from include.trading.order.row import Intent
from include.trading.plan.record import PlanRecord

NOW = "SELECT clock_timestamp() AS now"
PLAN_COLUMNS = [f"plans.{field.name}" for field in fields(PlanRecord)]
INTENT_COLUMNS = [f"intents.{field.name}" for field in fields(Intent)]
ACCOUNT_COLUMNS = [f"(account_row).{field.name}" for field in fields(Account)]
ORDER_COLUMNS = [f"(order_row).{field.name}" for field in fields(Intent)]
# The order first, by its own id: a planner that has not counted the rows yet would look through the whole plan's.
READ_ORDER = f"""
    WITH intents AS MATERIALIZED (SELECT * FROM order_intents WHERE client_order_id = %(id)s)
    SELECT {", ".join(PLAN_COLUMNS + INTENT_COLUMNS)}, clock_timestamp() AS now
    FROM intents JOIN plans ON plans.plan_id = intents.plan_id
    WHERE plans.plan_id = %(plan_id)s
"""  # noqa: S608  names
# Times come back in the session's zone; messages and pages call them UTC, whatever the server is set to.
OPEN = f"""
    SELECT set_config('TimeZone', 'UTC', FALSE), {SET_TIMEOUTS}, version_num AS version, identity,
        current_ledger_identity() AS here
    FROM alembic_version_trading, ledger_identity
"""  # noqa: S608  constants
LOCK_ORDER = f"""
    SELECT {", ".join(ACCOUNT_COLUMNS)}, plan_state, {", ".join(ORDER_COLUMNS)}, now_is, since, pace_reached_at
    FROM lock_order(
        %(account)s, %(plan_id)s, %(id)s, %(clock_offset)s, %(window)s, %(orders_per_minute)s
    )
"""  # noqa: S608  names


class Traffic(NamedTuple):
    """The account's other orders, for the gate, and the time when they were looked at.

    unresolved_since: since when the oldest has been without a known outcome.
    holder: the order, if any, that was sent under one of the ids that this one would get.
    pace_reached_at: when the POST was that is the plan's orders_per_minute back from now; None when that is a minute
        ago or more, or there were fewer.
    """

    now: datetime
    unresolved_since: datetime | None
    holder: str | None
    pace_reached_at: datetime | None


class Locked(NamedTuple):
    """An order at the gate: what is locked until the transaction ends, and what the account's other orders do."""

    account: Account
    plan: PlanRecord
    intent: Intent
    traffic: Traffic


class Ledger:
    """All queries over one psycopg 3 connection. Not for two threads at once.

    connection: put into autocommit, so that a transaction is exactly a `with ledger.transaction()` block.
    clock_offset: added to the database's time, which is the only clock leases and windows are judged by.
    """

    def __init__(self, connection: Connection[Any], *, clock_offset: timedelta = timedelta(0)) -> None:
        connection.autocommit = True
        connection.row_factory = dict_row
        connection.cursor_factory = LedgerCursor
        store_clean_text(connection)
        self.connection = connection
        self.clock_offset = clock_offset
        is_at_home = _open(connection)
        self.accounts = Accounts(connection)
        self.alerts = Alerts(connection)
        self.books = Books(connection)
        self.corrections = Corrections(connection)
        self.deliveries = Deliveries(connection)
        self.movements = Movements(connection)
        self.orders = Orders(connection)
        self.plans = Plans(connection)
        self.runs = Runs(connection)
        self.steps = Steps(connection)
        if not is_at_home:
            halt_if_restored(connection, self.accounts)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside at its end, or nothing of it."""
        with told(), self.connection.transaction():
            yield

    def wait_longer(self) -> None:
        """Let this transaction wait for others longer than any other one does."""
        self.connection.execute(PATIENCE)

    def now(self) -> datetime:
        """Return the time of the database's clock: the same for all workers, wherever they run."""
        row = self.connection.execute(NOW).fetchone()
        if row is None:
            raise Unavailable("the ledger's database did not tell the time")
        now: datetime = row["now"]
        return now + self.clock_offset

    def read_order(self, plan_id: UUID, client_order_id: str) -> tuple[PlanRecord, Intent, datetime] | None:
        """Return a plan, an order of it and the time, with one statement; None when there is no such order."""
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(READ_ORDER, {"plan_id": plan_id, "id": client_order_id}).fetchone()
        if row is None:
            return None
        plan, intent, now = row[: len(PLAN_COLUMNS)], row[len(PLAN_COLUMNS) : -1], row[-1]
        return PlanRecord(*plan), Intent(*intent), now + self.clock_offset

    @contextmanager
    def locked_order(
        self, plan: PlanRecord, client_order_id: str, gateway_order_ids: Sequence[str]
    ) -> Iterator[Locked]:
        """Begin a transaction and lock account, plan and order in the order that all workers keep to.

        One statement, so that the account, which every order needs, is not held longer than it must be. Of the plan
        only the state is read again: nothing else of it ever changes. The time is the one after the locks.
        """
        with self.transaction():
            with self.connection.cursor(row_factory=tuple_row) as cursor:
                row = cursor.execute(
                    LOCK_ORDER,
                    {
                        "account": plan.account,
                        "plan_id": plan.plan_id,
                        "id": client_order_id,
                        "clock_offset": self.clock_offset,
                        "window": RATE_WINDOW,
                        "orders_per_minute": plan.orders_per_minute,
                    },
                ).fetchone()
            if row is None:
                raise Unavailable("the ledger's database did not answer to lock_order")
            account, (state, *rest) = row[: len(ACCOUNT_COLUMNS)], row[len(ACCOUNT_COLUMNS) :]
            intent, (now, unresolved_since, pace_reached_at) = rest[: len(ORDER_COLUMNS)], rest[len(ORDER_COLUMNS) :]
            if None in (account[0], state, intent[0]):
                raise LookupError(
                    f"order {client_order_id}, plan {plan.plan_id} or account {plan.account!r} is not in the ledger"
                )
            # In contract v2 the gateway's id is the order's own, which no other has: nobody is asked who holds it.
            holder = None
            if plan.contract == "v1":
                holder = self.orders.holder(plan.account, client_order_id, gateway_order_ids)
            yield Locked(
                Account(*account),
                replace(plan, state=state),
                Intent(*intent),
                Traffic(now, unresolved_since, holder, pace_reached_at),
            )

    def close(self) -> None:
        self.connection.close()


def _open(connection: Connection[Any]) -> bool:
    """Make the session ready with one statement; return whether the ledger is in the database it belongs to.

    Raises InvalidData when its tables are not those that this code expects.
    """
    try:
        row = connection.execute(OPEN).fetchone()
    except (UndefinedTable, UndefinedFunction):
        row = None
    if row is None or row["version"] != NEWEST:
        check_version(connection)
    return row is not None and row["identity"] == row["here"]


@contextmanager
def open_ledger(url: str, *, clock_offset: timedelta = timedelta(0)) -> Iterator[Ledger]:
    """Open the ledger at a postgresql:// URL and close it at the end.

    Raises Unavailable when the database does not answer, InvalidData when it has not been migrated.
    """
    try:
        connection = connect(url)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the ledger's database did not answer ({str(error).strip()}); check the connection trading_ledger"
        ) from error
    try:
        yield Ledger(connection, clock_offset=clock_offset)
    finally:
        connection.close()
