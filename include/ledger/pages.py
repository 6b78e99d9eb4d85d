"""What the API and the pages read: lists, totals and history. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from psycopg import Connection


@dataclass(frozen=True)
class RunFilter:
    """Which runs to list; None fits every one. dag_ids: those that the reader may see."""

    dag_ids: Sequence[str]
    status: str | None = None
    strategy_id: str | None = None
    session_from: date | None = None
    session_to: date | None = None
    dag_id: str | None = None
    airflow_run_id: str | None = None
    kind: str | None = None

    def parameters(self) -> dict[str, Any]:
        return {**vars(self), "dag_ids": list(self.dag_ids)}


_FITS = """
    dag_id = ANY(%(dag_ids)s)
    AND (%(status)s::TEXT IS NULL OR status = %(status)s)
    AND (%(strategy_id)s::TEXT IS NULL OR strategy_id = %(strategy_id)s)
    AND (%(session_from)s::DATE IS NULL OR session_date >= %(session_from)s)
    AND (%(session_to)s::DATE IS NULL OR session_date <= %(session_to)s)
    AND (%(dag_id)s::TEXT IS NULL OR dag_id = %(dag_id)s)
    AND (%(airflow_run_id)s::TEXT IS NULL OR airflow_run_id = %(airflow_run_id)s)
    AND (%(kind)s::TEXT IS NULL OR (mode = 'replay') = (%(kind)s = 'replay'))
"""


@dataclass(frozen=True)
class AlertFilter:
    """Which alerts to list: those of what the reader may see."""

    dag_ids: Sequence[str]
    strategy_ids: Sequence[str]
    accounts: Sequence[str]
    only_open: bool

    def parameters(self) -> dict[str, Any]:
        names = ("dag_ids", "strategy_ids", "accounts")
        return {**{name: list(getattr(self, name)) for name in names}, "only_open": self.only_open}


_CONCERNS = """
    (over_at IS NULL OR NOT %(only_open)s)
    AND (
        (strategy_id IS NULL AND account IS NULL)
        OR strategy_id = ANY(%(strategy_ids)s)
        OR account = ANY(%(accounts)s)
        OR run_id IN (SELECT run_id FROM orchestration_runs WHERE dag_id = ANY(%(dag_ids)s))
    )
"""


class Pages:
    """Queries over the ledger's connection, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def runs(self, wanted: RunFilter, *, limit: int, offset: int) -> list[dict[str, Any]]:
        """Return the runs that fit, newest first, without the services' raw answers."""
        return self._connection.execute(
            f"""
            SELECT run_id, strategy_id, as_of_date, status, symbols, capital, num_signals, num_orders_planned,
                   num_orders_submitted, num_orders_accepted, num_orders_rejected, num_orders_filled,
                   num_orders_denied, num_orders_not_sent, num_orders_unknown, started_at, completed_at,
                   duration_seconds, error_message, model_version, dag_id, airflow_run_id, run_type, scheduled_at,
                   account, mode, mode_reason, session_date, revision, send_until, cutoff_at, plan_id, adopted,
                   last_acknowledged_at, summary
            FROM orchestration_runs
            WHERE {_FITS}
            ORDER BY started_at DESC, id DESC
            LIMIT %(limit)s OFFSET %(offset)s
            """,  # noqa: S608  a constant
            {**wanted.parameters(), "limit": limit, "offset": offset},
        ).fetchall()

    def count_runs(self, wanted: RunFilter) -> int:
        row = self._connection.execute(
            f"SELECT count(*) AS total FROM orchestration_runs WHERE {_FITS}",  # noqa: S608  a constant
            wanted.parameters(),
        ).fetchone()
        return 0 if row is None else int(row["total"])

    def dags(self) -> list[tuple[str, str]]:
        """Return every (dag_id, account) that has a run."""
        rows = self._connection.execute("SELECT DISTINCT dag_id, account FROM orchestration_runs").fetchall()
        return [(row["dag_id"], row["account"]) for row in rows]

    def fills(self, intent_ids: Sequence[int]) -> list[dict[str, Any]]:
        return self._connection.execute(
            "SELECT * FROM fills WHERE intent_id = ANY(%(ids)s) ORDER BY id", {"ids": list(intent_ids)}
        ).fetchall()

    def alerts(self, wanted: AlertFilter, *, limit: int, offset: int) -> list[dict[str, Any]]:
        """Return the alerts of these strategies, accounts and DAGs' runs, and those that name none, open ones first."""
        return self._connection.execute(
            f"""
            SELECT * FROM alerts WHERE {_CONCERNS}
            ORDER BY over_at IS NULL DESC, last_at DESC, id DESC
            LIMIT %(limit)s OFFSET %(offset)s
            """,  # noqa: S608  a constant
            {**wanted.parameters(), "limit": limit, "offset": offset},
        ).fetchall()

    def count_alerts(self, wanted: AlertFilter) -> int:
        row = self._connection.execute(
            f"SELECT count(*) AS total FROM alerts WHERE {_CONCERNS}",  # noqa: S608  a constant
            wanted.parameters(),
        ).fetchone()
        return 0 if row is None else int(row["total"])

    def account_events(self, account: str, *, limit: int) -> list[dict[str, Any]]:
        """Return who changed the account's state and why, newest first."""
        return self._connection.execute(
            "SELECT * FROM account_events WHERE account = %(account)s ORDER BY id DESC LIMIT %(limit)s",
            {"account": account, "limit": limit},
        ).fetchall()

    def newest_positions(self, account: str) -> dict[str, Any] | None:
        """Return what the gateway last said the account held, and when it was asked."""
        return self._connection.execute(
            "SELECT * FROM positions WHERE account = %(account)s ORDER BY queried_at DESC, id DESC LIMIT 1",
            {"account": account},
        ).fetchone()

    def corrected(self, account: str) -> dict[str, Decimal]:
        """Return the part of what our strategies hold that corrections made, by symbol, without zeros."""
        rows = self._connection.execute(
            """
            SELECT symbol, sum(quantity) AS quantity FROM movements
            WHERE account = %(account)s AND mode IN ('paper', 'live') AND kind <> 'fill'
            GROUP BY symbol HAVING sum(quantity) <> 0
            """,
            {"account": account},
        ).fetchall()
        return {row["symbol"]: row["quantity"] for row in rows}

    def moved_since(self, account: str, moment: datetime) -> frozenset[str]:
        """Return the symbols whose part of the account's book changed since then."""
        rows = self._connection.execute(
            """
            SELECT symbol FROM movements WHERE account = %(account)s AND at >= %(moment)s
            UNION SELECT symbol FROM baselines WHERE account = %(account)s AND adopted_at >= %(moment)s
            """,
            {"account": account, "moment": moment},
        ).fetchall()
        return frozenset(row["symbol"] for row in rows)

    def history(
        self, *, dag_ids: Sequence[str], since: date, strategy_id: str | None = None, only_unclosed: bool = False
    ) -> list[dict[str, Any]]:
        """Return exposure and turnover in USD, a row per strategy and session, oldest first.

        Exposure: what the session's newest run over all symbols held before plus its fills, at its prices.
        Turnover: what the session's orders filled, whichever run sent them.
        only_unclosed: leave out the books that have a closed day, whose figures `day_books` has.
        """
        return self._connection.execute(
            """
            WITH newest AS (
                SELECT DISTINCT ON (strategy_id, account, mode, session_date)
                       run_id, strategy_id, account, mode, session_date, capital
                FROM orchestration_runs AS runs
                WHERE dag_id = ANY(%(dag_ids)s) AND plan_id IS NOT NULL AND session_date >= %(since)s
                  AND parameters ->> 'only_symbols' IS NULL
                  AND (%(strategy_id)s::TEXT IS NULL OR strategy_id = %(strategy_id)s)
                  AND NOT (%(only_unclosed)s AND EXISTS (
                      SELECT FROM day_books AS days
                      WHERE days.account = runs.account AND days.strategy_id = runs.strategy_id
                        AND days.mode = runs.mode
                  ))
                ORDER BY strategy_id, account, mode, session_date, started_at DESC, id DESC
            )
            SELECT newest.strategy_id, newest.account, newest.mode, newest.session_date, newest.capital,
                   COALESCE(exposures.gross, 0) AS gross, COALESCE(exposures.net, 0) AS net,
                   COALESCE(traded.turnover, 0) AS turnover
            FROM newest
            CROSS JOIN LATERAL (
                SELECT sum(abs(quantity) * COALESCE(price, 0)) AS gross, sum(quantity * COALESCE(price, 0)) AS net
                FROM (
                    SELECT max(price) AS price,
                           COALESCE(max(held_quantity) FILTER (WHERE leg = 1), 0) + sum(
                               COALESCE(CASE order_side WHEN 'sell' THEN -filled_qty ELSE filled_qty END, 0)
                           ) AS quantity
                    FROM signal_order_mappings AS mappings
                    WHERE mappings.run_id = newest.run_id
                    GROUP BY symbol
                ) AS book
            ) AS exposures
            CROSS JOIN LATERAL (
                SELECT sum(intents.filled_quantity * COALESCE(intents.filled_avg_price, intents.price)) AS turnover
                FROM plans JOIN order_intents AS intents ON intents.plan_id = plans.plan_id
                WHERE plans.strategy_id = newest.strategy_id AND plans.account = newest.account
                  AND plans.mode = newest.mode AND plans.session_date = newest.session_date
            ) AS traded
            ORDER BY newest.session_date, newest.strategy_id, newest.account, newest.mode
            """,
            {
                "dag_ids": list(dag_ids),
                "since": since,
                "strategy_id": strategy_id,
                "only_unclosed": only_unclosed,
            },
        ).fetchall()
