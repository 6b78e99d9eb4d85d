"""The ledger: Postgres behind one object. It keeps the truth about runs, plans and orders, and the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.errors import UndefinedFunction, UndefinedTable
from psycopg.rows import dict_row

from include.ledger.accounts import Accounts
from include.ledger.actions import Actions
from include.ledger.adapting import read_plain_numbers, store_clean_text
from include.ledger.alerts import Alerts
from include.ledger.books import Books
from include.ledger.closes import Closes
from include.ledger.corrections import Corrections
from include.ledger.deliveries import Deliveries
from include.ledger.gate import Gate, Locked
from include.ledger.identity import halt_if_restored
from include.ledger.migrations import NEWEST, check_version
from include.ledger.movements import Movements
from include.ledger.orders import Orders
from include.ledger.plan_inputs import PlanInputsKept
from include.ledger.plans import Plans
from include.ledger.results import Results
from include.ledger.runs import Runs
from include.ledger.session import PATIENCE, SET_TIMEOUTS, LedgerCursor, connect, told
from include.ledger.steps import Steps
from include.trading.errors import Unavailable
from include.trading.order.row import Intent
from include.trading.plan.record import PlanRecord

NOW = "SELECT clock_timestamp() AS now"
# Times come back in the session's zone; messages and pages call them UTC, whatever the server is set to.
OPEN = f"""
    SELECT set_config('TimeZone', 'UTC', FALSE), {SET_TIMEOUTS}, version_num AS version, identity,
        current_ledger_identity() AS here
    FROM alembic_version_trading, ledger_identity
"""  # noqa: S608  constants


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
        read_plain_numbers(connection)
        self.connection = connection
        self.clock_offset = clock_offset
        is_at_home = _open(connection)
        self.accounts = Accounts(connection)
        self.actions = Actions(connection)
        self.alerts = Alerts(connection)
        self.books = Books(connection)
        self.closes = Closes(connection)
        self.corrections = Corrections(connection)
        self.deliveries = Deliveries(connection)
        self.movements = Movements(connection)
        self.orders = Orders(connection)
        self._gate = Gate(connection, self.orders)
        self.plan_inputs = PlanInputsKept(connection)
        self.plans = Plans(connection)
        self.results = Results(connection)
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
            raise Unavailable("the ledger's database did not return the time")
        now: datetime = row["now"]
        return now + self.clock_offset

    def read_order(self, plan_id: UUID, client_order_id: str) -> tuple[PlanRecord, Intent, datetime] | None:
        """Return a plan, an order of it and the time, with one statement; None when there is no such order."""
        found = self._gate.read(plan_id, client_order_id)
        if found is None:
            return None
        plan, intent, now = found
        return plan, intent, now + self.clock_offset

    @contextmanager
    def locked_order(
        self, plan: PlanRecord, client_order_id: str, gateway_order_ids: Sequence[str]
    ) -> Iterator[Locked]:
        """Begin a transaction with account, plan and order locked until its end."""
        with self.transaction():
            yield self._gate.lock(plan, client_order_id, gateway_order_ids, self.clock_offset)

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
