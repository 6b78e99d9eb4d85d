"""The books of days: what they are made from, the closed days, flows of money, and what venues say of cash."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.trading.results.day import Day
from include.trading.results.entries import Entry
from include.trading.results.holding import Method
from include.trading.results.row import AccountDay, BookKey, DayRow, ReadUpTo, figures, symbols_kept
from include.trading.results.series import DayPoint

_POINT = ", ".join(DayPoint.__dataclass_fields__)
_KEY = "account = %(account)s AND strategy_id = %(strategy_id)s AND mode = %(mode)s"


class Results:
    """Queries on `day_books` and what stands around it, one statement a method unless it says otherwise."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def keys(self, account: str) -> list[tuple[BookKey, date]]:
        """Return every book that the account has or should have, with the session it begins with."""
        rows = self._connection.execute(
            """
            SELECT strategy_id, mode, min(session_date) AS first
            FROM (
                SELECT strategy_id, mode, session_date FROM plans
                WHERE account = %(account)s AND mode IN ('paper', 'live')
                UNION ALL SELECT strategy_id, mode, session_date FROM day_books WHERE account = %(account)s
            ) AS found
            GROUP BY strategy_id, mode ORDER BY strategy_id, mode
            """,
            {"account": account},
        ).fetchall()
        return [(BookKey(account, row["strategy_id"], row["mode"]), row["first"]) for row in rows]

    def has_plans(self) -> bool:
        return self._connection.execute("SELECT FROM plans LIMIT 1").fetchone() is not None

    def first_capital(self, key: BookKey) -> Decimal | None:
        """Return what the book's first plan was made with."""
        row = self._connection.execute(
            f"""
            SELECT capital FROM orchestration_runs
            WHERE {_KEY} AND plan_id IS NOT NULL AND capital IS NOT NULL
            ORDER BY session_date, id LIMIT 1
            """,  # noqa: S608  a constant
            key._asdict(),
        ).fetchone()
        return None if row is None else row["capital"]

    def newest_parameters(self, key: BookKey) -> dict[str, Any] | None:
        """Return what the book's newest run keeps of its strategy, for one that left the file."""
        row = self._connection.execute(
            f"SELECT parameters FROM orchestration_runs WHERE {_KEY} ORDER BY id DESC LIMIT 1",  # noqa: S608
            key._asdict(),
        ).fetchone()
        return None if row is None else row["parameters"]

    def last_day(self, key: BookKey) -> DayRow | None:
        found = self._days(f"WHERE {_KEY} ORDER BY session_date DESC LIMIT 1", key._asdict())
        return found[0] if found else None

    def day(self, key: BookKey, session: date) -> DayRow | None:
        found = self._days(f"WHERE {_KEY} AND session_date = %(day)s", {**key._asdict(), "day": session})
        return found[0] if found else None

    def day_before(self, key: BookKey, day: date) -> DayRow | None:
        """Return the book's newest closed day before another day."""
        found = self._days(
            f"WHERE {_KEY} AND session_date < %(day)s ORDER BY session_date DESC LIMIT 1", {**key._asdict(), "day": day}
        )
        return found[0] if found else None

    def last_days(self, *, account: str | None = None) -> list[DayRow]:
        """Return each book's newest closed day."""
        return self._days(
            """
            WHERE id IN (
                SELECT DISTINCT ON (account, strategy_id, mode) id FROM day_books
                WHERE %(account)s::TEXT IS NULL OR account = %(account)s
                ORDER BY account, strategy_id, mode, session_date DESC
            )
            ORDER BY account, strategy_id, mode
            """,
            {"account": account},
        )

    def days(
        self,
        *,
        account: str | None = None,
        strategy_id: str | None = None,
        mode: str | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> list[DayRow]:
        """Return the closed days that fit, oldest first; None fits every one."""
        return self._days(
            """
            WHERE (%(account)s::TEXT IS NULL OR account = %(account)s)
              AND (%(strategy_id)s::TEXT IS NULL OR strategy_id = %(strategy_id)s)
              AND (%(mode)s::TEXT IS NULL OR mode = %(mode)s)
              AND (%(first)s::DATE IS NULL OR session_date >= %(first)s)
              AND (%(last)s::DATE IS NULL OR session_date <= %(last)s)
            ORDER BY session_date, account, strategy_id, mode
            """,
            {"account": account, "strategy_id": strategy_id, "mode": mode, "first": first, "last": last},
        )

    def points(
        self,
        *,
        strategy_ids: Sequence[str] | None = None,
        account: str | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> list[DayPoint]:
        """Return the closed days that fit without their symbols, oldest first; None fits every one."""
        with self._connection.cursor(row_factory=class_row(DayPoint)) as cursor:
            return cursor.execute(
                f"""
                SELECT {_POINT} FROM day_books
                WHERE (%(strategy_ids)s::TEXT[] IS NULL OR strategy_id = ANY(%(strategy_ids)s))
                  AND (%(account)s::TEXT IS NULL OR account = %(account)s)
                  AND (%(first)s::DATE IS NULL OR session_date >= %(first)s)
                  AND (%(last)s::DATE IS NULL OR session_date <= %(last)s)
                ORDER BY session_date, account, strategy_id, mode
                """,  # noqa: S608  names of ours
                {
                    "strategy_ids": None if strategy_ids is None else list(strategy_ids),
                    "account": account,
                    "first": first,
                    "last": last,
                },
            ).fetchall()

    def newest_points(self) -> list[DayPoint]:
        """Return each book's newest closed day."""
        with self._connection.cursor(row_factory=class_row(DayPoint)) as cursor:
            return cursor.execute(
                f"""
                SELECT DISTINCT ON (account, strategy_id, mode) {_POINT} FROM day_books
                ORDER BY account, strategy_id, mode, session_date DESC
                """  # noqa: S608  names of ours
            ).fetchall()

    def read_up_to(self, key: BookKey, before: datetime | None) -> ReadUpTo:
        """Return the newest ids of what had happened to a book, or to its account's cash, before a moment or by now."""
        row = self._connection.execute(
            f"""
            WITH until AS (SELECT COALESCE(%(before)s::TIMESTAMPTZ, 'infinity') AS moment)
            SELECT
                (SELECT max(id) FROM movements WHERE {_KEY} AND at < moment) AS movement_id,
                (SELECT max(id) FROM flows WHERE {_KEY} AND at < moment) AS flow_id,
                (SELECT max(id) FROM activities WHERE account = %(account)s AND at < moment) AS activity_id
            FROM until
            """,  # noqa: S608  constants
            {**key._asdict(), "before": before},
        ).fetchone()
        found = row or {}
        return ReadUpTo(*(found.get(name) or 0 for name in ReadUpTo._fields))

    def movements(self, key: BookKey, since: ReadUpTo, until: ReadUpTo) -> list[dict[str, Any]]:
        """Return what moved in between, oldest first, each with its order and its correction.

        moved_before, moved_until: signed shares that the order's fills moved before and up to then.
        """
        return self._connection.execute(
            """
            SELECT found.id, found.symbol, found.quantity, found.kind, found.intent_id, found.correction_id,
                   intents.side, intents.price AS plan_price, intents.filled_avg_price, plans.session_date,
                   corrections.kind AS correction, corrections.detail, corrections.reason
            FROM movements AS found
            LEFT JOIN order_intents AS intents ON intents.id = found.intent_id
            LEFT JOIN plans ON plans.plan_id = intents.plan_id
            LEFT JOIN corrections ON corrections.id = found.correction_id
            WHERE found.account = %(account)s AND found.strategy_id = %(strategy_id)s AND found.mode = %(mode)s
              AND found.id > %(since)s AND found.id <= %(until)s
            ORDER BY found.id
            """,
            {**key._asdict(), "since": since.movement_id, "until": until.movement_id},
        ).fetchall()

    def counted(self, intent_ids: Sequence[int]) -> dict[int, tuple[Decimal, Decimal]]:
        """Return of each order what closed days counted of its fills already: signed shares and USD paid."""
        rows = self._connection.execute(
            """
            SELECT intent_id, sum(quantity) AS quantity, sum(amount) AS amount FROM day_lines
            WHERE intent_id = ANY(%(ids)s) AND kind IN ('fill', 'price') AND correction_id IS NULL
            GROUP BY intent_id
            """,
            {"ids": list(intent_ids)},
        ).fetchall()
        return {row["intent_id"]: (row["quantity"], row["amount"]) for row in rows}

    def repriced(self, key: BookKey, day_id: int) -> list[dict[str, Any]]:
        """Return the orders of closed days that changed since one of them, with what was counted of each."""
        return self._connection.execute(
            """
            SELECT intents.id, intents.symbol, intents.side, intents.price AS plan_price, intents.filled_avg_price,
                   plans.session_date, counted.quantity, counted.amount
            FROM order_intents AS intents
            JOIN plans ON plans.plan_id = intents.plan_id
            JOIN (
                SELECT intent_id, sum(quantity) AS quantity, sum(amount) AS amount FROM day_lines
                WHERE intent_id IS NOT NULL AND kind IN ('fill', 'price') AND correction_id IS NULL
                GROUP BY intent_id
            ) AS counted ON counted.intent_id = intents.id
            WHERE intents.account = %(account)s AND intents.strategy_id = %(strategy_id)s AND intents.mode = %(mode)s
              AND intents.updated_at > (SELECT at FROM day_books WHERE id = %(day_id)s)
            ORDER BY intents.id
            """,
            {**key._asdict(), "day_id": day_id},
        ).fetchall()

    def flows(self, key: BookKey, since: ReadUpTo, until: ReadUpTo) -> list[dict[str, Any]]:
        return self._connection.execute(
            f"SELECT * FROM flows WHERE {_KEY} AND id > %(since)s AND id <= %(until)s ORDER BY id",  # noqa: S608
            {**key._asdict(), "since": since.flow_id, "until": until.flow_id},
        ).fetchall()

    def add_flow(self, key: BookKey, amount: Decimal, *, actor: str, reason: str) -> int:
        row = self._connection.execute(
            """
            INSERT INTO flows (account, strategy_id, mode, amount, actor, reason)
            VALUES (%(account)s, %(strategy_id)s, %(mode)s, %(amount)s, %(actor)s, %(reason)s)
            RETURNING id
            """,
            {**key._asdict(), "amount": amount, "actor": actor, "reason": reason},
        ).fetchone()
        return 0 if row is None else int(row["id"])

    def store_day(
        self,
        key: BookKey,
        session: date,
        day: Day,
        entries: Iterable[Entry],
        *,
        method: Method,
        until: ReadUpTo,
        daily_return: float | None,
        actor: str,
    ) -> int | None:
        """Store a closed day with its lines and return its id; None when the day is closed already (two statements)."""
        values: dict[str, Any] = {
            **key._asdict(),
            **figures(day),
            **until._asdict(),
            "session_date": session,
            "daily_return": daily_return,
            "method": method,
            "stale": list(day.stale),
            "symbols": Jsonb(symbols_kept(day)),
            "actor": actor,
        }
        row = self._connection.execute(
            f"""
            INSERT INTO day_books ({", ".join(values)}) VALUES ({", ".join(f"%({name})s" for name in values)})
            ON CONFLICT (account, strategy_id, mode, session_date) DO NOTHING
            RETURNING id
            """,  # noqa: S608  names of ours
            values,
        ).fetchone()
        if row is None:
            return None
        with self._connection.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO day_lines (
                    day_book_id, kind, symbol, quantity, amount, "to", plan_price, of_session, intent_id,
                    correction_id, flow_id, activity_id, words
                )
                VALUES (
                    %(day_book_id)s, %(kind)s, %(symbol)s, %(quantity)s, %(amount)s, %(to)s, %(plan_price)s,
                    %(of_session)s, %(intent_id)s, %(correction_id)s, %(flow_id)s, %(activity_id)s, %(words)s
                )
                """,
                [{**asdict(entry), "day_book_id": row["id"]} for entry in entries],
            )
        return int(row["id"])

    def lines(self, day_ids: Sequence[int], *, symbol: str | None = None) -> list[dict[str, Any]]:
        """Return what made up these days, in the order in which it was booked."""
        return self._connection.execute(
            """
            SELECT day_lines.*, day_books.session_date, day_books.account, day_books.strategy_id, day_books.mode
            FROM day_lines JOIN day_books ON day_books.id = day_lines.day_book_id
            WHERE day_book_id = ANY(%(ids)s) AND (%(symbol)s::TEXT IS NULL OR symbol = %(symbol)s)
            ORDER BY day_books.session_date, day_lines.id
            """,
            {"ids": list(day_ids), "symbol": symbol},
        ).fetchall()

    def planned(self, key: BookKey, session: date) -> dict[str, Decimal]:
        """Return what the session's newest plan wanted to hold, by symbol, where it wanted anything."""
        rows = self._connection.execute(
            """
            SELECT symbol, max(target_quantity) AS quantity FROM signal_order_mappings
            WHERE target_quantity IS NOT NULL AND run_id = (
                SELECT run_id FROM orchestration_runs
                WHERE account = %(account)s AND strategy_id = %(strategy_id)s AND mode = %(mode)s
                  AND session_date = %(session)s AND plan_id IS NOT NULL
                ORDER BY id DESC LIMIT 1
            )
            GROUP BY symbol ORDER BY symbol
            """,
            {**key._asdict(), "session": session},
        ).fetchall()
        return {row["symbol"]: row["quantity"] for row in rows}

    def store_activity(self, account: str, values: Mapping[str, Any]) -> bool:
        """Store what a venue says of cash, once; say whether it is new."""
        row = self._connection.execute(
            """
            INSERT INTO activities (account, venue_id, kind, symbol, amount, day, words)
            VALUES (%(account)s, %(venue_id)s, %(kind)s, %(symbol)s, %(amount)s, %(day)s, %(words)s)
            ON CONFLICT (account, venue_id) DO NOTHING
            RETURNING id
            """,
            {"account": account, **values},
        ).fetchone()
        return row is not None

    def activities(self, account: str, since: int, until: int) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM activities WHERE account = %(account)s AND id > %(since)s AND id <= %(until)s ORDER BY id",
            {"account": account, "since": since, "until": until},
        ).fetchall()

    def costs(self, key: BookKey, since: ReadUpTo, until: ReadUpTo) -> list[dict[str, Any]]:
        """Return the fees and interest listed for symbols that nothing but this book ever had, from when it had them.

        As soon as another book or the account itself has moved such a symbol, its costs are the account's own, so that
        no two books take one.
        """
        return self._connection.execute(
            """
            WITH found AS (
                SELECT * FROM activities
                WHERE account = %(account)s AND id > %(since)s AND id <= %(until)s
                  AND kind IN ('fee', 'interest') AND symbol IS NOT NULL AND amount <> 0
            ), had AS (
                SELECT movements.symbol,
                       min(COALESCE(plans.session_date, (movements.at AT TIME ZONE 'UTC')::DATE)) AS first
                FROM movements
                LEFT JOIN order_intents AS intents ON intents.id = movements.intent_id
                LEFT JOIN plans ON plans.plan_id = intents.plan_id
                WHERE movements.account = %(account)s AND movements.symbol IN (SELECT symbol FROM found)
                GROUP BY movements.symbol
                HAVING bool_and(
                    movements.strategy_id IS NOT DISTINCT FROM %(strategy_id)s
                    AND movements.mode IS NOT DISTINCT FROM %(mode)s
                )
            )
            SELECT found.* FROM found JOIN had ON had.symbol = found.symbol AND had.first <= found.day
            ORDER BY found.id
            """,
            {**key._asdict(), "since": since.activity_id, "until": until.activity_id},
        ).fetchall()

    def account_days(
        self, account: str, *, first: date | None = None, last: date | None = None, limit: int | None = None
    ) -> list[AccountDay]:
        """Return the account's days, newest first."""
        with self._connection.cursor(row_factory=class_row(AccountDay)) as cursor:
            return cursor.execute(
                """
                SELECT * FROM account_days
                WHERE account = %(account)s
                  AND (%(first)s::DATE IS NULL OR session_date >= %(first)s)
                  AND (%(last)s::DATE IS NULL OR session_date <= %(last)s)
                ORDER BY session_date DESC LIMIT %(limit)s
                """,
                {"account": account, "first": first, "last": last, "limit": limit},
            ).fetchall()

    def store_account_day(self, values: Mapping[str, Any]) -> bool:
        """Store an account's day; say whether it is new."""
        given = {**values, "prices": Jsonb(values["prices"])}
        row = self._connection.execute(
            f"""
            INSERT INTO account_days ({", ".join(given)}) VALUES ({", ".join(f"%({name})s" for name in given)})
            ON CONFLICT (account, session_date) DO NOTHING
            RETURNING id
            """,  # noqa: S608  names of ours
            given,
        ).fetchone()
        return row is not None

    def _days(self, which: str, parameters: Mapping[str, Any]) -> list[DayRow]:
        with self._connection.cursor(row_factory=class_row(DayRow)) as cursor:
            return cursor.execute(f"SELECT * FROM day_books {which}", parameters).fetchall()  # noqa: S608  constants
