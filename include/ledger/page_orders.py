"""What the pages list of orders, positions and a run's forerunner. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from include.trading.run.row import Run


@dataclass(frozen=True)
class OrderFilter:
    """Which orders to list; None fits every one. strategy_ids: those that the reader may see."""

    strategy_ids: Sequence[str]
    account: str | None = None
    strategy_id: str | None = None
    symbol: str | None = None
    live: bool | None = None

    def parameters(self) -> dict[str, Any]:
        return {**vars(self), "strategy_ids": list(self.strategy_ids)}


_FITS = """
    intents.strategy_id = ANY(%(strategy_ids)s)
    AND (%(account)s::TEXT IS NULL OR intents.account = %(account)s)
    AND (%(strategy_id)s::TEXT IS NULL OR intents.strategy_id = %(strategy_id)s)
    AND (%(symbol)s::TEXT IS NULL OR intents.symbol = %(symbol)s)
    AND (
        %(live)s::BOOLEAN IS NULL
        OR (intents.state IN ('planned', 'sending', 'unknown', 'open')) = %(live)s
    )
"""
# Runs over some of the symbols have no price for the others, so more than the newest is asked.
_PRICED_RUNS = 5


class PageOrders:
    """Queries over the ledger's connection, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def orders(self, wanted: OrderFilter, *, limit: int, offset: int) -> list[dict[str, Any]]:
        """Return the orders that fit, newest first, each with its session and the run that planned it."""
        return self._connection.execute(
            f"""
            SELECT intents.client_order_id, intents.account, intents.strategy_id, intents.mode, intents.symbol,
                   intents.leg, intents.side, intents.quantity, intents.price, intents.reduces, intents.state,
                   intents.reason, intents.message, intents.attempt, intents.filled_quantity,
                   intents.filled_avg_price, intents.first_sent_at, intents.acknowledged_at, intents.final_at,
                   plans.session_date, plans.send_until, runs.run_id, runs.dag_id, runs.airflow_run_id
            FROM order_intents AS intents
            JOIN plans ON plans.plan_id = intents.plan_id
            LEFT JOIN orchestration_runs AS runs ON runs.run_id = plans.created_by_run
            WHERE {_FITS}
            ORDER BY intents.id DESC
            LIMIT %(limit)s OFFSET %(offset)s
            """,  # noqa: S608  a constant
            {**wanted.parameters(), "limit": limit, "offset": offset},
        ).fetchall()

    def count_orders(self, wanted: OrderFilter) -> int:
        row = self._connection.execute(
            f"SELECT count(*) AS total FROM order_intents AS intents WHERE {_FITS}",  # noqa: S608  a constant
            wanted.parameters(),
        ).fetchone()
        return 0 if row is None else int(row["total"])

    def positions(
        self, strategy_ids: Sequence[str], *, account: str | None, strategy_id: str | None, symbol: str | None
    ) -> list[dict[str, Any]]:
        """Return what each strategy holds of each symbol, with the newest price that a plan of it was made at.

        corrected: the part that fills do not explain. capital: of the strategy's newest plan.
        """
        return self._connection.execute(
            """
            WITH held AS (
                SELECT account, strategy_id, mode, symbol, sum(quantity) AS quantity,
                       COALESCE(sum(quantity) FILTER (WHERE kind <> 'fill'), 0) AS corrected, max(at) AS moved_at,
                       max(at) FILTER (WHERE kind <> 'fill') AS corrected_at
                FROM movements
                WHERE strategy_id = ANY(%(strategy_ids)s)
                  AND (%(account)s::TEXT IS NULL OR account = %(account)s)
                  AND (%(strategy_id)s::TEXT IS NULL OR strategy_id = %(strategy_id)s)
                  AND (%(symbol)s::TEXT IS NULL OR symbol = %(symbol)s)
                GROUP BY account, strategy_id, mode, symbol HAVING sum(quantity) <> 0
            ),
            books AS (SELECT DISTINCT account, strategy_id, mode FROM held),
            runs AS (
                SELECT books.*, newest.run_id, newest.capital,
                       row_number() OVER (
                           PARTITION BY books.account, books.strategy_id, books.mode ORDER BY newest.started_at DESC
                       ) AS age
                FROM books CROSS JOIN LATERAL (
                    SELECT run_id, capital, started_at FROM orchestration_runs AS found
                    WHERE found.plan_id IS NOT NULL AND found.account = books.account
                      AND found.strategy_id = books.strategy_id AND found.mode = books.mode
                    ORDER BY found.started_at DESC LIMIT %(priced_runs)s
                ) AS newest
            ),
            prices AS (
                SELECT DISTINCT ON (runs.account, runs.strategy_id, runs.mode, mappings.symbol)
                       runs.account, runs.strategy_id, runs.mode, mappings.symbol, mappings.price, mappings.price_at
                FROM runs CROSS JOIN LATERAL (
                    SELECT symbol, price, price_at FROM signal_order_mappings AS found
                    WHERE found.run_id = runs.run_id AND found.price IS NOT NULL
                    -- Keeps the planner, which takes five runs for hundreds, from reading all mappings there are.
                    OFFSET 0
                ) AS mappings
                ORDER BY runs.account, runs.strategy_id, runs.mode, mappings.symbol, runs.age
            )
            SELECT held.*, prices.price, prices.price_at, runs.capital
            FROM held
            LEFT JOIN prices USING (account, strategy_id, mode, symbol)
            LEFT JOIN runs ON runs.account = held.account AND runs.strategy_id = held.strategy_id
                AND runs.mode = held.mode AND runs.age = 1
            ORDER BY held.strategy_id, held.account, held.mode, abs(held.quantity * prices.price) DESC NULLS LAST,
                held.symbol
            """,
            {
                "strategy_ids": list(strategy_ids),
                "account": account,
                "strategy_id": strategy_id,
                "symbol": symbol,
                "priced_runs": _PRICED_RUNS,
            },
        ).fetchall()

    def strategies(self, dag_ids: Sequence[str]) -> list[str]:
        """Return the strategies that ever ran by one of these DAGs."""
        rows = self._connection.execute(
            "SELECT DISTINCT strategy_id FROM orchestration_runs WHERE dag_id = ANY(%(dag_ids)s)",
            {"dag_ids": list(dag_ids)},
        ).fetchall()
        return [row["strategy_id"] for row in rows]

    def forerunner(self, run: Run) -> dict[str, Any] | None:
        """Return the newest whole run of the strategy's earlier sessions, in the same account and mode."""
        return self._connection.execute(
            """
            SELECT run_id, dag_id, airflow_run_id, session_date
            FROM orchestration_runs
            WHERE strategy_id = %(strategy_id)s AND account = %(account)s AND mode = %(mode)s
              AND session_date < %(session_date)s AND mapped_at IS NOT NULL
              AND parameters ->> 'only_symbols' IS NULL
            ORDER BY session_date DESC, started_at DESC
            LIMIT 1
            """,
            {
                "strategy_id": run.strategy_id,
                "account": run.account,
                "mode": run.mode,
                "session_date": run.session_date,
            },
        ).fetchone()
