"""Corporate actions: what was announced, and what became of it for each strategy that it concerns. Append-only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from include.trading.account.actions import ActionState, Announcement

_NEWEST = """
    SELECT actions.*, events.account, events.strategy_id, events.state, events.words, events.correction_id,
           events.actor, events.at AS changed_at
    FROM corporate_actions AS actions
    JOIN (
        SELECT DISTINCT ON (account, strategy_id, action_id) * FROM corporate_action_events
        ORDER BY account, strategy_id, action_id, id DESC
    ) AS events ON events.action_id = actions.id
"""


class Actions:
    """Queries on `corporate_actions` and their events, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def store(self, found: Iterable[Announcement]) -> None:
        """Keep announcements that are not known in this form yet."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO corporate_actions (
                    vendor_id, kind, symbol, new_symbol, ratio, cash, ex_date, payable_date, raw
                )
                VALUES (
                    %(vendor_id)s, %(kind)s, %(symbol)s, %(new_symbol)s, %(ratio)s, %(cash)s, %(ex_date)s,
                    %(payable_date)s, %(raw)s
                )
                ON CONFLICT DO NOTHING
                """,
                [{**each.model_dump(exclude={"raw"}), "raw": Jsonb(each.raw)} for each in found],
            )

    def effective(self, symbols: Sequence[str], first: date, last: date) -> list[tuple[int, Announcement]]:
        """Return what is effective from one day to another, the newest form of each, oldest first."""
        rows = self._connection.execute(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (vendor_id, symbol) * FROM corporate_actions ORDER BY vendor_id, symbol, id DESC
            ) AS newest
            WHERE symbol = ANY(%(symbols)s) AND ex_date BETWEEN %(first)s AND %(last)s
            ORDER BY ex_date, id
            """,
            {"symbols": list(symbols), "first": first, "last": last},
        ).fetchall()
        return [
            (row["id"], Announcement.model_validate({name: row[name] for name in Announcement.model_fields}))
            for row in rows
        ]

    def dividends(self, first: date, last: date) -> list[Announcement]:
        """Return the cash dividends with an ex-date from one day to another, the newest form of each, oldest first."""
        rows = self._connection.execute(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (vendor_id, symbol) * FROM corporate_actions ORDER BY vendor_id, symbol, id DESC
            ) AS newest
            WHERE cash IS NOT NULL AND ex_date BETWEEN %(first)s AND %(last)s
            ORDER BY ex_date, id
            """,
            {"first": first, "last": last},
        ).fetchall()
        return [Announcement.model_validate({name: row[name] for name in Announcement.model_fields}) for row in rows]

    def state(self, action_id: int, account: str, strategy_id: str) -> ActionState | None:
        row = self._connection.execute(
            """
            SELECT state FROM corporate_action_events
            WHERE action_id = %(id)s AND account = %(account)s AND strategy_id = %(strategy_id)s
            ORDER BY id DESC LIMIT 1
            """,
            {"id": action_id, "account": account, "strategy_id": strategy_id},
        ).fetchone()
        return None if row is None else row["state"]

    def record(
        self,
        action_id: int,
        account: str,
        strategy_id: str,
        state: ActionState,
        words: str,
        *,
        actor: str,
        correction_id: int | None = None,
    ) -> None:
        """Record a state unless it is the one that it is in, with the same words."""
        self._connection.execute(
            """
            INSERT INTO corporate_action_events (action_id, account, strategy_id, state, words, correction_id, actor)
            SELECT %(id)s, %(account)s, %(strategy_id)s, %(state)s, %(words)s, %(correction_id)s, %(actor)s
            WHERE NOT EXISTS (
                SELECT FROM (
                    SELECT state, words FROM corporate_action_events
                    WHERE action_id = %(id)s AND account = %(account)s AND strategy_id = %(strategy_id)s
                    ORDER BY id DESC LIMIT 1
                ) AS newest
                WHERE newest.state = %(state)s AND newest.words = %(words)s
            )
            """,
            {
                "id": action_id,
                "account": account,
                "strategy_id": strategy_id,
                "state": state,
                "words": words,
                "correction_id": correction_id,
                "actor": actor,
            },
        )

    def listed(self, *, accounts: Sequence[str], only_open: bool, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Return actions with the state they are in for each strategy, newest first."""
        return self._connection.execute(
            f"""
            {_NEWEST}
            WHERE events.account = ANY(%(accounts)s) AND (NOT %(only_open)s OR state IN ('proposed', 'blocked'))
            ORDER BY ex_date DESC, actions.id DESC, strategy_id
            LIMIT %(limit)s OFFSET %(offset)s
            """,
            {"accounts": list(accounts), "only_open": only_open, "limit": limit, "offset": offset},
        ).fetchall()

    def get(self, action_id: int, account: str) -> list[dict[str, Any]]:
        """Return an action with its state for each strategy of an account that it concerns."""
        return self._connection.execute(
            f"{_NEWEST} WHERE actions.id = %(id)s AND events.account = %(account)s ORDER BY strategy_id",
            {"id": action_id, "account": account},
        ).fetchall()
