"""What strategies hold, the sum of one append-only table, and all that a plan is made from, read at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg import Connection

from include.trading.account.books import FROM_THE_START, Book, BookVersion, Expected
from include.trading.errors import Unavailable
from include.trading.numbers import number

# What the gateway should hold: what a person declared not to be ours, and all that our strategies hold.
EXPECTED = """
    SELECT symbol, sum(quantity) AS quantity
    FROM (
        (
            SELECT DISTINCT ON (symbol) symbol, quantity FROM baselines
            WHERE account = %(account)s ORDER BY symbol, id DESC
        )
        UNION ALL
        SELECT symbol, quantity FROM movements WHERE account = %(account)s AND mode IN ('paper', 'live')
    ) AS parts
    GROUP BY symbol
"""
MOVED = """
    SELECT symbol FROM movements WHERE account = %(account)s AND id > %(movement)s
    UNION SELECT symbol FROM baselines WHERE account = %(account)s AND id > %(baseline)s
"""
HELD = """
    SELECT symbol, sum(quantity) AS quantity FROM movements
    WHERE account = %(account)s AND strategy_id = %(strategy_id)s AND mode = %(mode)s
    GROUP BY symbol
"""
# One statement, because two see two states of the ledger: a fill that is booked between them would be neither held nor
# still to come. Shares that a person booked on an order are held already and do not fill again.
BOOK = f"""
    WITH live AS MATERIALIZED (
        SELECT * FROM order_intents
        WHERE account = %(account)s AND state IN ('planned', 'sending', 'unknown', 'open')
    ),
    by_hand AS (
        SELECT intent_id, sum(quantity) AS quantity FROM movements
        WHERE account = %(account)s AND kind <> 'fill' AND intent_id IS NOT NULL
        GROUP BY intent_id
    )
    SELECT
        (SELECT state FROM accounts WHERE account = %(account)s) AS account_state,
        (SELECT jsonb_object_agg(symbol, quantity::TEXT) FROM ({HELD}) AS held) AS held,
        (
            SELECT jsonb_object_agg(symbol, quantity::TEXT)
            FROM (
                SELECT symbol, sum(
                    CASE side WHEN 'buy' THEN live.quantity - filled_quantity ELSE filled_quantity - live.quantity END
                    - COALESCE(by_hand.quantity, 0)
                ) AS quantity
                FROM live LEFT JOIN by_hand ON by_hand.intent_id = live.id
                WHERE strategy_id = %(strategy_id)s AND mode = %(mode)s AND state = 'open'
                GROUP BY symbol
            ) AS working
        ) AS working,
        (
            SELECT array_agg(DISTINCT symbol) FROM live
            WHERE strategy_id = %(strategy_id)s AND state IN ('sending', 'unknown')
        ) AS unresolved,
        (
            SELECT jsonb_object_agg(symbol, owner)
            FROM (
                SELECT symbol, min(strategy_id) AS owner
                FROM (
                    SELECT symbol, strategy_id FROM movements
                    WHERE account = %(account)s AND mode = %(mode)s AND strategy_id <> %(strategy_id)s
                    GROUP BY symbol, strategy_id HAVING sum(quantity) <> 0
                    UNION SELECT symbol, strategy_id FROM live
                    WHERE mode = %(mode)s AND strategy_id <> %(strategy_id)s
                ) AS others
                GROUP BY symbol
            ) AS owners
        ) AS of_others,
        (
            SELECT COALESCE(sum(
                intents.price * CASE WHEN intents.state IN ('planned', 'sending', 'unknown', 'open')
                                     THEN intents.quantity
                                     ELSE intents.filled_quantity + abs(COALESCE(by_hand.quantity, 0)) END
            ), 0)
            FROM order_intents AS intents
            JOIN plans ON plans.plan_id = intents.plan_id
            LEFT JOIN by_hand ON by_hand.intent_id = intents.id
            WHERE intents.account = %(account)s AND intents.strategy_id = %(strategy_id)s
              AND intents.mode = %(mode)s AND plans.session_date = %(session)s
        ) AS traded,
        (SELECT jsonb_object_agg(symbol, quantity::TEXT) FROM ({EXPECTED}) AS expected) AS expected,
        (SELECT array_agg(symbol) FROM ({MOVED}) AS moved) AS moved
"""  # noqa: S608  constants


class Movements:
    """Queries on `movements`, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def version(self, account: str) -> BookVersion:
        """Return how far the account's book is, to ask later what moved since."""
        row = self._row(
            """
            SELECT (SELECT max(id) FROM movements WHERE account = %(account)s) AS movement,
                   (SELECT max(id) FROM baselines WHERE account = %(account)s) AS baseline
            """,
            {"account": account},
        )
        return BookVersion(row["movement"] or 0, row["baseline"] or 0)

    def book(
        self, account: str, *, strategy_id: str, mode: str, session: date, since: BookVersion = FROM_THE_START
    ) -> Book:
        """Return everything of the ledger that a plan is made from, as it was at one moment.

        Under the account's lock it stays so: fills, corrections and baselines are written with that lock.
        since: what moved after it is in `moved`.
        """
        row = self._row(
            BOOK,
            {"account": account, "strategy_id": strategy_id, "mode": mode, "session": session, **since._asdict()},
        )
        return Book(
            account_state=row["account_state"],
            held=_quantities(row["held"]),
            working=_quantities(row["working"]),
            unresolved=frozenset(row["unresolved"] or ()),
            of_others=row["of_others"] or {},
            traded=row["traded"],
            expected=_quantities(row["expected"]),
            moved=frozenset(row["moved"] or ()),
        )

    def expected(self, account: str, *, since: BookVersion = FROM_THE_START) -> Expected:
        """Return what the gateway should hold by our books, and what moved since a version of them."""
        row = self._row(
            f"""
            SELECT (SELECT jsonb_object_agg(symbol, quantity::TEXT) FROM ({EXPECTED}) AS expected) AS expected,
                   (SELECT array_agg(symbol) FROM ({MOVED}) AS moved) AS moved
            """,  # noqa: S608  constants
            {"account": account, **since._asdict()},
        )
        return Expected(_quantities(row["expected"]), frozenset(row["moved"] or ()))

    def held(self, account: str, *, strategy_id: str, mode: str) -> dict[str, Decimal]:
        """Return what a strategy holds, by symbol, without zeros."""
        return self._by_symbol(HELD, {"account": account, "strategy_id": strategy_id, "mode": mode})

    def held_before(self, account: str, *, strategy_id: str, mode: str, symbol: str, day: date) -> Decimal:
        """Return what a strategy held of a symbol before a session: what orders of it and later ones traded is not."""
        row = self._row(
            """
            SELECT COALESCE(sum(movements.quantity), 0) AS quantity
            FROM movements
            LEFT JOIN order_intents AS intents ON intents.id = movements.intent_id
            LEFT JOIN plans ON plans.plan_id = intents.plan_id
            WHERE movements.account = %(account)s AND movements.strategy_id = %(strategy_id)s
              AND movements.mode = %(mode)s AND movements.symbol = %(symbol)s
              AND COALESCE(plans.session_date, (movements.at AT TIME ZONE 'UTC')::DATE) < %(day)s
            """,
            {"account": account, "strategy_id": strategy_id, "mode": mode, "symbol": symbol, "day": day},
        )
        return Decimal(row["quantity"])

    def holdings(self, account: str) -> list[tuple[str, str, Decimal]]:
        """Return what each strategy holds of each symbol, as (strategy, symbol, signed shares), without zeros."""
        rows = self._connection.execute(
            """
            SELECT strategy_id, symbol, sum(quantity) AS quantity FROM movements
            WHERE account = %(account)s AND mode IN ('paper', 'live')
            GROUP BY strategy_id, symbol HAVING sum(quantity) <> 0
            ORDER BY strategy_id, symbol
            """,
            {"account": account},
        ).fetchall()
        return [(row["strategy_id"], row["symbol"], row["quantity"]) for row in rows]

    def of_account(self, account: str) -> dict[str, Decimal]:
        """Return what all our strategies together hold in the account, by symbol, without zeros."""
        return self._by_symbol(
            """
            SELECT symbol, sum(quantity) AS quantity FROM movements
            WHERE account = %(account)s AND mode IN ('paper', 'live')
            GROUP BY symbol
            """,
            {"account": account},
        )

    def of_others(self, account: str, strategy_ids: Sequence[str]) -> dict[str, list[str]]:
        """Return the strategies besides these that hold symbols of the account or have live orders there, with them."""
        rows = self._connection.execute(
            """
            SELECT strategy_id, array_agg(symbol ORDER BY symbol) AS symbols
            FROM (
                SELECT strategy_id, symbol FROM movements
                WHERE account = %(account)s AND mode IN ('paper', 'live')
                GROUP BY strategy_id, symbol HAVING sum(quantity) <> 0
                UNION SELECT strategy_id, symbol FROM order_intents
                WHERE account = %(account)s AND state IN ('planned', 'sending', 'unknown', 'open')
            ) AS found
            WHERE strategy_id <> ALL(%(strategy_ids)s)
            GROUP BY strategy_id ORDER BY strategy_id
            """,
            {"account": account, "strategy_ids": list(strategy_ids)},
        ).fetchall()
        return {row["strategy_id"]: row["symbols"] for row in rows}

    def _by_symbol(self, query: str, parameters: Mapping[str, Any]) -> dict[str, Decimal]:
        rows = self._connection.execute(query, parameters).fetchall()
        return {row["symbol"]: row["quantity"] for row in rows if row["quantity"] != 0}

    def _row(self, query: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        row = self._connection.execute(query, parameters).fetchone()
        if row is None:
            raise Unavailable("the ledger's database returned no row where there always is one")
        return dict(row)


def _quantities(found: Mapping[str, str] | None) -> dict[str, Decimal]:
    """Return the quantities that PostgreSQL gave as text, so that no digit is lost, without zeros."""
    quantities = {symbol: number(text) for symbol, text in (found or {}).items()}
    return {symbol: quantity for symbol, quantity in quantities.items() if quantity != 0}
