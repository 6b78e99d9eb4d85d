"""Order intents, their attempts, events and fills. A state moves only by compare-and-set on the row's version."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from psycopg import Connection, DataError, IntegrityError
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.errors import BookMismatch
from include.trading.models import Price, Side
from include.trading.order.fills import Execution
from include.trading.order.row import Attempt, Intent
from include.trading.order.states import FINAL, MAY_BE_LIVE, check_transition

GET = "SELECT * FROM order_intents WHERE client_order_id = %(id)s"
# Another order of the account that was sent under one of these gateway ids. By the ids first, and not at all without
# any: an account has all its attempts ever, and the planner, before it has counted them, would look through them.
HOLDER = """
    WITH attempts AS MATERIALIZED (
        SELECT intent_id, account FROM order_attempts
        WHERE gateway_order_ids && %(gateway_order_ids)s::TEXT[] AND cardinality(%(gateway_order_ids)s::TEXT[]) > 0
    )
    SELECT intents.client_order_id AS holder
    FROM attempts JOIN order_intents AS intents ON intents.id = attempts.intent_id
    WHERE attempts.account = %(account)s AND client_order_id <> %(id)s
    LIMIT 1
"""
ONE_HOLDER = "order_intents_account_gateway_order_id_key"
# Errors of a value that no column takes; the same value never fits.
UNSTORABLE = (DataError, IntegrityError)


class Overtaken(Exception):
    """Another worker changed the order since it was read: read it again and decide again."""


class IdHeld(BookMismatch):
    """The gateway gave one id to two of our orders."""


class Orders:
    """Queries on the orders' tables."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def insert(self, intents: Sequence[Mapping[str, Any]]) -> None:
        """Store the intents of a new plan, each `planned`, in one batch with its first event."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO order_intents (
                    plan_id, account, strategy_id, mode, slot, client_order_id, symbol, leg, position, side,
                    quantity, price, reduces
                )
                VALUES (
                    %(plan_id)s, %(account)s, %(strategy_id)s, %(mode)s, %(slot)s, %(client_order_id)s, %(symbol)s,
                    %(leg)s, %(position)s, %(side)s, %(quantity)s, %(price)s, %(reduces)s
                )
                """,
                intents,
            )
            if intents:
                cursor.execute(
                    """
                    INSERT INTO order_events (intent_id, actor, event, to_state, attempt)
                    SELECT id, 'plan', 'planned', state, attempt FROM order_intents WHERE plan_id = %(plan_id)s
                    """,
                    {"plan_id": intents[0]["plan_id"]},
                )

    def get(self, client_order_id: str) -> Intent | None:
        return self._one(GET, {"id": client_order_id})

    def lock(self, client_order_id: str) -> Intent:
        """Lock the row until the transaction ends; account and plan must be locked already."""
        intent = self._one(f"{GET} FOR UPDATE", {"id": client_order_id})
        if intent is None:
            raise LookupError(f"no order {client_order_id} in the ledger")
        return intent

    def of_plan(self, plan_id: UUID) -> list[Intent]:
        """Return the plan's orders in sending order: reductions first."""
        return self._many(
            "SELECT * FROM order_intents WHERE plan_id = %(plan_id)s ORDER BY position", {"plan_id": plan_id}
        )

    def increases_since(self, account: str, plan_id: UUID, since: datetime) -> dict[Side, Decimal]:
        """Return the worth, by side, of the increases of the account's other plans that the venue had not by then.

        That are those not acknowledged, and those acknowledged after it; of one that ended, what filled.
        """
        rows = self._connection.execute(
            """
            WITH candidates AS (
                SELECT id FROM order_intents
                WHERE account = %(account)s AND state IN ('planned', 'sending', 'unknown', 'open')
                UNION
                SELECT intent_id FROM order_attempts
                WHERE account = %(account)s AND started_at >= %(since)s - INTERVAL '10 minutes'
            )
            SELECT side, sum(
                price * CASE WHEN state IN ('planned', 'sending', 'unknown', 'open') THEN quantity
                             ELSE filled_quantity END
            ) AS notional
            FROM order_intents JOIN candidates USING (id)
            WHERE plan_id <> %(plan_id)s AND NOT reduces AND mode IN ('paper', 'live')
              AND (state IN ('planned', 'sending', 'unknown') OR acknowledged_at >= %(since)s)
            GROUP BY side
            """,
            {"account": account, "plan_id": plan_id, "since": since},
        ).fetchall()
        return {row["side"]: row["notional"] for row in rows if row["notional"]}

    def find(
        self,
        *,
        account: str | None = None,
        session: date | None = None,
        states: Sequence[str] | None = None,
        limit: int,
    ) -> list[Intent]:
        """Return the newest orders that fit; None fits every one."""
        return self._many(
            """
            SELECT intents.* FROM order_intents AS intents
            JOIN plans ON plans.plan_id = intents.plan_id
            WHERE (%(account)s::TEXT IS NULL OR intents.account = %(account)s)
              AND (%(session)s::DATE IS NULL OR plans.session_date = %(session)s)
              AND (%(states)s::TEXT[] IS NULL OR intents.state = ANY(%(states)s))
            ORDER BY intents.id DESC
            LIMIT %(limit)s
            """,
            {"account": account, "session": session, "states": states, "limit": limit},
        )

    def live(self, account: str) -> list[Intent]:
        """Return the account's orders that are not final, oldest first."""
        return self._many(
            """
            SELECT * FROM order_intents
            WHERE account = %(account)s AND state IN ('planned', 'sending', 'unknown', 'open')
            ORDER BY id
            """,
            {"account": account},
        )

    def waiting(self, account: str) -> int:
        """Return how many orders of the account's open plans are still to be sent."""
        row = self._connection.execute(
            """
            SELECT count(*) AS orders
            FROM order_intents AS intents JOIN plans ON plans.plan_id = intents.plan_id
            WHERE intents.account = %(account)s AND intents.state = 'planned' AND plans.state = 'open'
            """,
            {"account": account},
        ).fetchone()
        return 0 if row is None else int(row["orders"])

    def ended(self, account: str, since: datetime) -> list[Intent]:
        """Return the orders that were sent, and that ended since then or are planned again, without being filled."""
        return self._many(
            """
            SELECT * FROM order_intents
            WHERE account = %(account)s AND attempt > 0 AND state = ANY(%(states)s)
              AND (final_at IS NULL OR final_at >= %(since)s)
            ORDER BY id
            """,
            {"account": account, "states": sorted(MAY_BE_LIVE), "since": since},
        )

    def attempts(self, intent_id: int) -> list[Attempt]:
        with self._connection.cursor(row_factory=class_row(Attempt)) as cursor:
            return cursor.execute(
                "SELECT * FROM order_attempts WHERE intent_id = %(id)s ORDER BY attempt", {"id": intent_id}
            ).fetchall()

    def sent_at(self, account: str, *, since: datetime) -> list[datetime]:
        """Return when POSTs of the account began since then, oldest first."""
        rows = self._connection.execute(
            "SELECT started_at FROM order_attempts WHERE account = %(account)s AND started_at >= %(since)s"
            " ORDER BY started_at",
            {"account": account, "since": since},
        ).fetchall()
        return [row["started_at"] for row in rows]

    def save(
        self,
        old: Intent,
        *,
        event: str,
        actor: str,
        detail: Mapping[str, Any] | None = None,
        tried: Attempt | None = None,
        fills: Sequence[Execution] = (),
        stamped: Sequence[str] = (),
        clock_offset: timedelta = timedelta(0),
        **changes: Any,
    ) -> Intent:
        """Write `changes` to the order if it still is as `old` was read, and record the event; one statement.

        tried: the attempt that begins with this change, recorded with it.
        fills: executions to book with it; those that the order has already stay as they are.
        stamped: columns that get the time of the database's clock, with the offset added.
        A change of the filled quantity waits for the account's row, which must not be locked after the order's.
        Raises InvalidData when the state table forbids the change, Overtaken when another worker was faster, IdHeld
        when another order has the gateway's id.
        """
        new = replace(old, **changes)
        if new.state != old.state:
            check_transition(old.state, new.state)
        try:
            saved = self._connection.execute(
                _saving(tuple(changes), tuple(stamped), fills=bool(fills), tried=tried is not None),
                {
                    **({} if tried is None else {**vars(tried), "gateway": Jsonb(tried.gateway)}),
                    **({"fills": _rows_of(fills)} if fills else {}),
                    **changes,
                    "clock_offset": clock_offset,
                    "id": old.id,
                    "account": old.account,
                    "version": old.version,
                    "old_state": old.state,
                    "is_final": new.state in FINAL,
                    "actor": actor,
                    "event": event,
                    "detail": Jsonb(dict(detail or {})),
                },
            ).fetchone()
        except UniqueViolation as error:
            if error.diag.constraint_name != ONE_HOLDER:
                raise
            saved = None
        if saved is None:
            # Also of an answer that came too late for this row: whichever was faster, the id is another order's.
            self._refuse_held_id(new)
            raise Overtaken(f"order {old.client_order_id} is no longer as it was read ({old.state}, {old.version})")
        return replace(new, **saved)

    def holder(self, account: str, client_order_id: str, gateway_order_ids: Sequence[str]) -> str | None:
        """Return another order of the account that was sent under one of these ids of the gateway, None if none was."""
        row = self._connection.execute(
            HOLDER, {"account": account, "id": client_order_id, "gateway_order_ids": list(gateway_order_ids)}
        ).fetchone()
        return None if row is None else str(row["holder"])

    def _refuse_held_id(self, intent: Intent) -> None:
        row = self._connection.execute(
            """
            SELECT client_order_id FROM order_intents
            WHERE account = %(account)s AND gateway_order_id = %(gateway_order_id)s AND id <> %(id)s
            """,
            {"account": intent.account, "gateway_order_id": intent.gateway_order_id, "id": intent.id},
        ).fetchone()
        if row is not None:
            raise IdHeld(
                f"the gateway's id {intent.gateway_order_id} is held by order {row['client_order_id']} already"
            )

    def note_look_ups(self, ids: Sequence[int]) -> None:
        """Record that these orders were asked about and had nothing new: no event, no new version."""
        self._connection.execute(
            "UPDATE order_intents SET last_looked_up_at = clock_timestamp() WHERE id = ANY(%(ids)s)",
            {"ids": list(ids)},
        )

    def events(self, intent_ids: Sequence[int]) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM order_events WHERE intent_id = ANY(%(ids)s) ORDER BY id", {"ids": list(intent_ids)}
        ).fetchall()

    def executions(self, intent_id: int) -> list[Execution]:
        """Return what is booked of an order, in the order of booking."""
        return [
            Execution(fill_id=row["fill_id"], quantity=row["quantity"], price=row["price"], at=row["filled_at"])
            for row in self.fills_of(intent_id)
        ]

    def booked(self, intent_ids: Sequence[int]) -> dict[int, Decimal]:
        """Return what the executions of each order add up to; an order without any is left out."""
        rows = self._connection.execute(
            "SELECT intent_id, sum(quantity) AS quantity FROM fills WHERE intent_id = ANY(%(ids)s) GROUP BY intent_id",
            {"ids": list(intent_ids)},
        ).fetchall()
        return {row["intent_id"]: row["quantity"] for row in rows}

    def times(self, intent_id: int, event: str) -> int:
        """Return how often this happened to an order."""
        row = self._connection.execute(
            "SELECT count(*) AS times FROM order_events WHERE intent_id = %(id)s AND event = %(event)s",
            {"id": intent_id, "event": event},
        ).fetchone()
        return 0 if row is None else int(row["times"])

    def fills_of(self, intent_id: int) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM fills WHERE intent_id = %(id)s ORDER BY id", {"id": intent_id}
        ).fetchall()

    def last_prices(self, account: str, symbols: Collection[str]) -> dict[str, Price]:
        """Return the newest price known of each symbol on the account: one it was planned at, or a fill's."""
        rows = self._connection.execute(
            """
            SELECT DISTINCT ON (symbol) symbol, price, at, source FROM (
                SELECT rows.symbol, rows.price, rows.price_at AS at, rows.price_source AS source
                FROM signal_order_mappings AS rows JOIN orchestration_runs AS runs USING (run_id)
                WHERE rows.symbol = ANY(%(symbols)s) AND runs.account = %(account)s
                  AND rows.price > 0 AND rows.price_at IS NOT NULL
                UNION ALL
                SELECT intents.symbol, fills.price, coalesce(fills.filled_at, fills.booked_at), 'ledger:fill'
                FROM fills JOIN order_intents AS intents ON intents.id = fills.intent_id
                WHERE intents.symbol = ANY(%(symbols)s) AND intents.account = %(account)s AND fills.price > 0
            ) AS known
            ORDER BY symbol, at DESC
            """,
            {"account": account, "symbols": sorted(symbols)},
        ).fetchall()
        return {
            row["symbol"]: Price(
                symbol=row["symbol"], price=row["price"], at=row["at"], source=row["source"] or "ledger"
            )
            for row in rows
        }

    def _one(self, query: str, parameters: Mapping[str, Any]) -> Intent | None:
        with self._connection.cursor(row_factory=class_row(Intent)) as cursor:
            return cursor.execute(query, parameters).fetchone()

    def _many(self, query: str, parameters: Mapping[str, Any]) -> list[Intent]:
        with self._connection.cursor(row_factory=class_row(Intent)) as cursor:
            return cursor.execute(query, parameters).fetchall()


@lru_cache
def _saving(
    columns: tuple[str, ...], stamped: tuple[str, ...] = (), *, fills: bool = False, tried: bool = False
) -> str:
    """Return the statement that changes these columns; no others, of which an order has many, are sent or come back.

    stamped: columns that get the time of the database's clock.
    """
    # What fills moves the account's book, so the account is locked first, and the order's row only with that in hand.
    locks = "filled_quantity" in columns
    locked = """
        locked AS MATERIALIZED (
            SELECT account AS locked_account FROM accounts WHERE account = %(account)s FOR NO KEY UPDATE
        ),"""
    tries = """,
        tried AS (
            INSERT INTO order_attempts (
                intent_id, attempt, account, worker, code_version, started_at, times_out_at, gateway_order_ids,
                gateway, binding
            )
            SELECT id, attempt, account, %(worker)s, %(code_version)s, %(started_at)s, %(times_out_at)s,
                %(gateway_order_ids)s, %(gateway)s, %(binding)s
            FROM saved
        )"""
    # Executions that the order does not have yet: one seen before is the same one.
    filled = """,
        filled AS (
            INSERT INTO fills (account, fill_id, intent_id, quantity, price, filled_at)
            SELECT saved.account, fill_id, saved.id, fill.quantity, fill.price, at
            FROM saved, jsonb_to_recordset(%(fills)s) AS fill (
                fill_id TEXT, quantity NUMERIC, price NUMERIC, at TIMESTAMPTZ
            )
            ON CONFLICT (intent_id, fill_id) DO NOTHING
        )"""
    changes = [f"{column} = %({column})s, " for column in columns]
    changes += [f"{column} = clock_timestamp() + %(clock_offset)s, " for column in stamped]
    # Found by its id, and by nothing else: a planner that has not counted the rows yet takes any index that `state`
    # fits, and reads every live order. IS NOT DISTINCT FROM fits none.
    return f"""
        WITH {locked if locks else ""}
        saved AS (
            UPDATE order_intents
            SET {"".join(changes)}
                final_at = CASE WHEN %(is_final)s THEN COALESCE(final_at, clock_timestamp()) END,
                updated_at = clock_timestamp(), version = version + 1
            {"FROM locked" if locks else ""}
            WHERE id = %(id)s AND version = %(version)s AND state IS NOT DISTINCT FROM %(old_state)s
            RETURNING order_intents.*
        ),
        event AS (
            INSERT INTO order_events (intent_id, actor, event, from_state, to_state, attempt, detail)
            SELECT id, %(actor)s, %(event)s, %(old_state)s, state, attempt, %(detail)s FROM saved
        )
        {filled if fills else ""}
        {tries if tried else ""}
        SELECT {", ".join((*columns, *stamped, "version", "final_at", "updated_at"))} FROM saved
    """  # noqa: S608  names of columns


def _rows_of(fills: Sequence[Execution]) -> Jsonb:
    return Jsonb([fill.model_dump(mode="json") for fill in fills])
