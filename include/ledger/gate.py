"""What the gate needs from the ledger: an order locked with its account and plan, and what the other orders do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from psycopg import Connection

from include.ledger.orders import Orders
from include.trading.account.row import Account
from include.trading.errors import Unavailable
from include.trading.order.gate import RATE_WINDOW
from include.trading.order.row import Intent
from include.trading.plan.record import PlanRecord

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")


def _columns(record: type[DataclassInstance], source: str) -> Iterable[str]:
    """Yield a record's columns, each under the record's name: an account and an order both have a `state`."""
    return (f'{source}.{field.name} AS "{record.__name__}.{field.name}"' for field in fields(record))


# The order first, by its own id: a planner that has not counted the rows yet would look through the whole plan's.
READ_ORDER = f"""
    WITH intents AS MATERIALIZED (SELECT * FROM order_intents WHERE client_order_id = %(id)s)
    SELECT {", ".join([*_columns(PlanRecord, "plans"), *_columns(Intent, "intents")])}, clock_timestamp() AS now
    FROM intents JOIN plans ON plans.plan_id = intents.plan_id
    WHERE plans.plan_id = %(plan_id)s
"""  # noqa: S608  names
# One statement, so that the account, which every order needs, is not held longer than it must be. Of the plan only the
# state is read again: nothing else of it ever changes.
LOCK_ORDER = f"""
    SELECT {", ".join([*_columns(Account, "(account_row)"), *_columns(Intent, "(order_row)")])},
        plan_state, now_is, since, pace_reached_at
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


class Gate:
    """The two statements of an order's way to its POST."""

    def __init__(self, connection: Connection[Any], orders: Orders) -> None:
        self._connection = connection
        self._orders = orders

    def read(self, plan_id: UUID, client_order_id: str) -> tuple[PlanRecord, Intent, datetime] | None:
        """Return a plan, an order of it and the time, with one statement; None when there is no such order."""
        row = self._connection.execute(READ_ORDER, {"plan_id": plan_id, "id": client_order_id}).fetchone()
        return None if row is None else (_record(PlanRecord, row), _record(Intent, row), row["now"])

    def lock(
        self, plan: PlanRecord, client_order_id: str, gateway_order_ids: Sequence[str], clock_offset: timedelta
    ) -> Locked:
        """Lock account, plan and order in the order that all workers keep to; the time is the one after the locks."""
        row = self._connection.execute(
            LOCK_ORDER,
            {
                "account": plan.account,
                "plan_id": plan.plan_id,
                "id": client_order_id,
                "clock_offset": clock_offset,
                "window": RATE_WINDOW,
                "orders_per_minute": plan.orders_per_minute,
            },
        ).fetchone()
        if row is None:
            raise Unavailable("the ledger's database did not answer to lock_order")
        if None in (row["Account.account"], row["plan_state"], row["Intent.id"]):
            raise LookupError(
                f"order {client_order_id}, plan {plan.plan_id} or account {plan.account!r} is not in the ledger"
            )
        # Where the venue's id is the order's own, no other order has it: the ledger is not asked who holds it.
        holder = None
        if not plan.takes_our_order_id:
            holder = self._orders.holder(plan.account, client_order_id, gateway_order_ids)
        return Locked(
            _record(Account, row),
            replace(plan, state=row["plan_state"]),
            _record(Intent, row),
            Traffic(row["now_is"], row["since"], holder, row["pace_reached_at"]),
        )


def _record(record: type[Row], row: dict[str, Any]) -> Row:
    return record(**{field.name: row[f"{record.__name__}.{field.name}"] for field in fields(record)})
