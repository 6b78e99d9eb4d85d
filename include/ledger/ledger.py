"""The ledger: Postgres behind one object. It keeps the truth about runs, plans and orders, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.errors import UndefinedFunction, UndefinedTable
from psycopg.rows import class_row, dict_row

from include.ledger import accounts, orders, plans
from include.ledger.accounts import Accounts
from include.ledger.alerts import Alerts
from include.ledger.books import Books
from include.ledger.identity import halt_if_restored
from include.ledger.migrations import NEWEST, check_version
from include.ledger.orders import Orders
from include.ledger.plans import Plans
from include.ledger.records import Account, Intent, PlanRecord
from include.ledger.runs import Runs
from include.ledger.steps import Steps
from include.trading.errors import Unavailable
from include.trading.gate import RATE_WINDOW

NOW = "SELECT clock_timestamp() AS now"
# Times come back in the session's zone; messages and pages call them UTC, whatever the server is set to.
OPEN = """
    SELECT set_config('TimeZone', 'UTC', FALSE), version_num AS version, identity, current_ledger_identity() AS here
    FROM alembic_version_trading, ledger_identity
"""
# In contract v2 the gateway's id is the order's own, which no other has: nobody is asked who holds it.
TRAFFIC = {
    contract: f"""
    SELECT ({accounts.UNRESOLVED_SINCE}) AS unresolved_since, {holder} AS holder, ({orders.PACE}) AS pace_reached_at
    """
    for contract, holder in (("v1", f"({orders.HOLDER})"), ("v2", "NULL"))
}


class Traffic(NamedTuple):
    """The account's other orders, for the gate.

    unresolved_since: since when the oldest has been without a known outcome.
    holder: the order, if any, that was sent under one of the ids that this one would get.
    pace_reached_at: when the POST was that is the plan's orders_per_minute back from now; None when that is a minute
        ago or more, or there were fewer.
    """

    unresolved_since: datetime | None
    holder: str | None
    pace_reached_at: datetime | None


class Ledger:
    """All queries over one psycopg 3 connection. Not for two threads at once.

    connection: put into autocommit, so that a transaction is exactly a `with ledger.transaction()` block.
    clock_offset: added to the database's time, which is the only clock leases and windows are judged by.
    """

    def __init__(self, connection: Connection[Any], *, clock_offset: timedelta = timedelta(0)) -> None:
        connection.autocommit = True
        connection.row_factory = dict_row
        self.connection = connection
        self.clock_offset = clock_offset
        is_at_home = _open(connection)
        self.accounts = Accounts(connection)
        self.alerts = Alerts(connection)
        self.books = Books(connection)
        self.orders = Orders(connection)
        self.plans = Plans(connection)
        self.runs = Runs(connection)
        self.steps = Steps(connection)
        if not is_at_home:
            halt_if_restored(connection, self.accounts)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything inside at its end, or nothing of it."""
        with self.connection.transaction():
            yield

    def now(self) -> datetime:
        """Return the time of the database's clock: the same for all workers, wherever they run."""
        row = self.connection.execute(NOW).fetchone()
        if row is None:
            raise Unavailable("the ledger's database did not tell the time")
        now: datetime = row["now"]
        return now + self.clock_offset

    def read_order(self, plan_id: UUID, client_order_id: str) -> tuple[PlanRecord | None, Intent | None]:
        """Return a plan and an order, with one round trip."""
        plan, intent = self._first_rows(
            (plans.GET, PlanRecord), (orders.GET, Intent), plan_id=plan_id, id=client_order_id
        )
        return plan, intent

    def lock_order(self, plan: PlanRecord, client_order_id: str) -> tuple[Account, PlanRecord, Intent, datetime]:
        """Lock account, plan and order in the order that all workers keep to; return them and the time after it.

        One round trip, so that the account, which every order needs, is not held longer than it must be. Of the plan
        only the state is read again: nothing else of it ever changes.
        """
        account, state, intent, now = self._first_rows(
            (accounts.LOCK, Account),
            (plans.LOCK_STATE, None),
            (orders.LOCK, Intent),
            (NOW, None),
            account=plan.account,
            plan_id=plan.plan_id,
            id=client_order_id,
        )
        if account is None or state is None or intent is None:
            raise LookupError(
                f"order {client_order_id}, plan {plan.plan_id} or account {plan.account!r} is not in the ledger"
            )
        return account, replace(plan, state=state["state"]), intent, now["now"] + self.clock_offset

    def traffic(self, plan: PlanRecord, intent: Intent, now: datetime, gateway_order_ids: Sequence[str]) -> Traffic:
        """Return what the gate must know of the account's other orders, with one statement; the account is locked."""
        with self.connection.cursor(row_factory=class_row(Traffic)) as cursor:
            found = cursor.execute(
                TRAFFIC[plan.contract],
                {
                    "account": plan.account,
                    "now": now,
                    "window_began": now - RATE_WINDOW,
                    "gateway_order_ids": list(gateway_order_ids),
                    "id": intent.client_order_id,
                    "orders_per_minute": plan.orders_per_minute,
                },
            ).fetchone()
        if found is None:
            raise Unavailable("the ledger's database did not tell of the account's other orders")
        return found

    def _first_rows(self, *statements: tuple[str, type | None], **parameters: Any) -> list[Any]:
        """Send the statements together and return the first row of each, None where there is none."""
        with self.connection.pipeline():
            cursors = [
                self.connection.cursor(row_factory=dict_row if row is None else class_row(row)).execute(
                    query, parameters
                )
                for query, row in statements
            ]
        return [cursor.fetchone() for cursor in cursors]

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
        connection = psycopg.connect(url, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable(
            f"the ledger's database did not answer ({str(error).strip()}); check the connection trading_ledger"
        ) from error
    try:
        yield Ledger(connection, clock_offset=clock_offset)
    finally:
        connection.close()
