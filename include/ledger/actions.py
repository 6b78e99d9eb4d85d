"""Corporate actions: what was announced, and what became of it for each strategy that it concerns. Append-only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from include.trading.account.actions import ActionState, Announcement, Form

_NEWEST = """
    SELECT actions.*, events.account, events.strategy_id, events.state, events.words, events.correction_id,
           events.actor, events.at AS changed_at
    FROM corporate_actions AS actions
    JOIN (
        SELECT DISTINCT ON (account, strategy_id, action_id) * FROM corporate_action_events
        ORDER BY account, strategy_id, action_id, id DESC
    ) AS events ON events.action_id = actions.id
"""

# Each announcement as it was told last.
_NEWEST_FORMS = "SELECT DISTINCT ON (vendor_id, symbol) * FROM corporate_actions ORDER BY vendor_id, symbol, id DESC"


class Actions:
    """Queries on `corporate_actions` and their events, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def store_answer(self, found: Sequence[Announcement], symbols: Sequence[str], first: date, last: date) -> None:
        """Keep what was announced of symbols for days, and that what was announced before and is missing now is not.

        Two statements. The days are of the whole answer: what of an announcement is outside of them is no proof.
        """
        told = {(each.vendor_id, each.symbol) for each in found}
        rows = self._connection.execute(
            f"""
            SELECT * FROM ({_NEWEST_FORMS}) AS newest
            WHERE NOT withdrawn AND symbol = ANY(%(symbols)s) AND ex_date BETWEEN %(first)s AND %(last)s
              AND COALESCE(raw ->> 'process_date', ex_date::TEXT) BETWEEN %(first)s::TEXT AND %(last)s::TEXT
            """,  # noqa: S608  a constant
            {"symbols": list(symbols), "first": first, "last": last},
        ).fetchall()
        missing = [_announcement(row) for row in rows if (row["vendor_id"], row["symbol"]) not in told]
        self._store([*((each, False) for each in found), *((each, True) for each in missing)])

    def _store(self, forms: Iterable[tuple[Announcement, bool]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO corporate_actions (
                    vendor_id, kind, symbol, new_symbol, ratio, cash, ex_date, payable_date, raw, withdrawn
                )
                SELECT %(vendor_id)s, %(kind)s, %(symbol)s, %(new_symbol)s, %(ratio)s, %(cash)s, %(ex_date)s,
                       %(payable_date)s, %(raw)s, %(withdrawn)s
                WHERE NOT EXISTS (
                    SELECT FROM (
                        SELECT raw, withdrawn FROM corporate_actions
                        WHERE vendor_id = %(vendor_id)s AND symbol = %(symbol)s ORDER BY id DESC LIMIT 1
                    ) AS newest
                    WHERE newest.raw = %(raw)s AND newest.withdrawn = %(withdrawn)s
                )
                """,
                [
                    {**each.model_dump(exclude={"raw"}), "raw": Jsonb(each.raw), "withdrawn": withdrawn}
                    for each, withdrawn in forms
                ],
            )

    def effective(self, symbols: Sequence[str], first: date, last: date) -> list[tuple[int, Announcement]]:
        """Return what is effective from one day to another, the newest form of each, oldest first.

        What is announced under two ids is returned once, and what is not announced any more not at all.
        """
        rows = self._connection.execute(
            f"""
            SELECT * FROM (
                SELECT DISTINCT ON (symbol, kind, new_symbol, ratio, cash, ex_date, raw -> 'special') *
                FROM ({_NEWEST_FORMS}) AS newest
                WHERE NOT withdrawn AND symbol = ANY(%(symbols)s) AND ex_date BETWEEN %(first)s AND %(last)s
                ORDER BY symbol, kind, new_symbol, ratio, cash, ex_date, raw -> 'special', id
            ) AS each_once
            ORDER BY ex_date, id
            """,  # noqa: S608  a constant
            {"symbols": list(symbols), "first": first, "last": last},
        ).fetchall()
        return [(row["id"], _announcement(row)) for row in rows]

    def withdrawn(self, account: str, strategy_id: str) -> list[tuple[int, Announcement]]:
        """Return what is not announced any more and was a question about the strategy's holding until then."""
        rows = self._connection.execute(
            f"""
            SELECT * FROM ({_NEWEST_FORMS}) AS newest
            WHERE withdrawn AND EXISTS (
                SELECT FROM corporate_actions AS forms
                JOIN corporate_action_events AS events ON events.action_id = forms.id
                WHERE forms.vendor_id = newest.vendor_id AND forms.symbol = newest.symbol
                  AND account = %(account)s AND strategy_id = %(strategy_id)s AND state IN ('proposed', 'blocked')
            )
            ORDER BY ex_date, id
            """,  # noqa: S608  a constant
            {"account": account, "strategy_id": strategy_id},
        ).fetchall()
        return [(row["id"], _announcement(row)) for row in rows]

    def taken_back(self, vendor_ids: Sequence[str]) -> list[Announcement]:
        """Return those of the announcements that are not announced any more."""
        rows = self._connection.execute(
            f"SELECT * FROM ({_NEWEST_FORMS}) AS newest WHERE withdrawn AND vendor_id = ANY(%(ids)s) ORDER BY id",  # noqa: S608
            {"ids": list(vendor_ids)},
        ).fetchall()
        return [_announcement(row) for row in rows]

    def forms(self, action_id: int, account: str, strategy_id: str) -> list[Form]:
        """Return an announcement's forms under this id and others with what became of each, oldest first."""
        rows = self._connection.execute(
            """
            SELECT forms.id, forms.vendor_id = asked.vendor_id AS is_own, forms.withdrawn, events.state,
                   ROW(forms.kind, forms.new_symbol, forms.ratio, forms.cash, forms.ex_date)
                   IS NOT DISTINCT FROM ROW(asked.kind, asked.new_symbol, asked.ratio, asked.cash, asked.ex_date)
                   AS is_same
            FROM corporate_actions AS asked
            JOIN corporate_actions AS forms ON forms.symbol = asked.symbol
            LEFT JOIN LATERAL (
                SELECT state FROM corporate_action_events
                WHERE action_id = forms.id AND account = %(account)s AND strategy_id = %(strategy_id)s
                ORDER BY id DESC LIMIT 1
            ) AS events ON TRUE
            WHERE asked.id = %(id)s
            ORDER BY forms.id
            """,
            {"id": action_id, "account": account, "strategy_id": strategy_id},
        ).fetchall()
        return [Form(**row) for row in rows if row["is_own"] or row["is_same"]]

    def was_applied(self, action_id: int, account: str, strategy_id: str) -> bool:
        """Say whether a form of the announcement was ever booked, also where that was undone."""
        return (
            self._connection.execute(
                """
                SELECT FROM corporate_actions AS asked
                JOIN corporate_actions AS forms USING (vendor_id, symbol)
                JOIN corporate_action_events AS events ON events.action_id = forms.id
                WHERE asked.id = %(id)s AND account = %(account)s AND strategy_id = %(strategy_id)s
                  AND state = 'applied'
                """,
                {"id": action_id, "account": account, "strategy_id": strategy_id},
            ).fetchone()
            is not None
        )

    def is_newest(self, action_id: int) -> bool:
        """Say whether the announcement still stands in this form."""
        return (
            self._connection.execute(
                f"SELECT FROM ({_NEWEST_FORMS}) AS newest WHERE id = %(id)s AND NOT withdrawn",
                {"id": action_id},
            ).fetchone()
            is not None
        )

    def reopen(self, correction_id: int, words: str, *, actor: str) -> None:
        """Make what a correction booked a question again."""
        self._connection.execute(
            """
            INSERT INTO corporate_action_events (action_id, account, strategy_id, state, words, actor)
            SELECT action_id, account, strategy_id, 'blocked', %(words)s, %(actor)s
            FROM corporate_action_events WHERE correction_id = %(id)s AND state = 'applied'
            """,
            {"id": correction_id, "words": words, "actor": actor},
        )

    def dividends(self, first: date, last: date) -> list[Announcement]:
        """Return the cash dividends with an ex-date from one day to another, as `effective` does."""
        rows = self._connection.execute(
            f"""
            SELECT * FROM (
                SELECT DISTINCT ON (symbol, cash, ex_date, raw -> 'special') * FROM ({_NEWEST_FORMS}) AS newest
                WHERE NOT withdrawn AND cash IS NOT NULL AND ex_date BETWEEN %(first)s AND %(last)s
                ORDER BY symbol, cash, ex_date, raw -> 'special', id
            ) AS each_once
            ORDER BY ex_date, id
            """,  # noqa: S608  a constant
            {"first": first, "last": last},
        ).fetchall()
        return [_announcement(row) for row in rows]

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
            WHERE events.account = ANY(%(accounts)s) AND (
                NOT %(only_open)s OR state IN ('proposed', 'blocked') AND NOT EXISTS (
                    SELECT FROM corporate_actions AS later
                    WHERE later.vendor_id = actions.vendor_id AND later.symbol = actions.symbol
                      AND later.id > actions.id
                )
            )
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


def _announcement(row: Mapping[str, Any]) -> Announcement:
    return Announcement.model_validate({name: row[name] for name in Announcement.model_fields})
