"""What happened to a symbol, and what was done to an account, in time. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

# What a person or a break did to an account, whatever table keeps it.
_ACCOUNT_HISTORY = """
    SELECT at, 'state' AS kind, actor, NULL AS symbol, NULL AS strategy_id, NULL::NUMERIC AS quantity,
           CASE WHEN from_state = to_state THEN cause ELSE from_state || ' → ' || to_state END AS words, reason,
           NULL::BIGINT AS correction_id
    FROM account_events WHERE account = %(account)s
    UNION ALL
    SELECT at, 'correction', actor, symbol, strategy_id, NULL,
           CASE WHEN undoes IS NULL THEN kind ELSE 'undo of ' || undoes END, reason, id
    FROM corrections WHERE account = %(account)s
    UNION ALL
    SELECT adopted_at, 'adopted', adopted_by, symbol, NULL, quantity, 'not ours', reason, NULL
    FROM baselines WHERE account = %(account)s
    UNION ALL
    SELECT found_at, 'break', NULL, symbol, NULL, NULL, kind, message, NULL
    FROM breaks WHERE account = %(account)s
    UNION ALL
    SELECT resolved_at, 'settled', resolved_by, symbol, NULL, NULL, kind, resolution, NULL
    FROM breaks WHERE account = %(account)s AND resolved_at IS NOT NULL
"""
# Every signal, order, movement and break of one symbol. The position is the strategy's after the movement.
_SYMBOL_HISTORY = """
    SELECT runs.started_at AS at, 'signal' AS kind, runs.account, runs.strategy_id, runs.mode, runs.session_date,
           NULL AS side, mappings.delta_quantity AS quantity, mappings.price, NULL::NUMERIC AS position,
           mappings.rank, mappings.predicted_return, mappings.target_weight,
           COALESCE(mappings.skip_reason, mappings.outcome) AS words, mappings.detail AS reason,
           NULL AS client_order_id, runs.dag_id, runs.airflow_run_id
    FROM signal_order_mappings AS mappings
    JOIN orchestration_runs AS runs ON runs.run_id = mappings.run_id
    WHERE mappings.symbol = %(symbol)s AND mappings.leg = 1 AND runs.mode <> 'replay'
      AND runs.strategy_id = ANY(%(strategy_ids)s)
    UNION ALL
    SELECT COALESCE(intents.first_sent_at, plans.frozen_at), 'order', intents.account, intents.strategy_id,
           intents.mode, plans.session_date, intents.side, intents.quantity, intents.price, NULL, NULL, NULL, NULL,
           intents.state, COALESCE(intents.message, intents.reason), intents.client_order_id, runs.dag_id,
           runs.airflow_run_id
    FROM order_intents AS intents
    JOIN plans ON plans.plan_id = intents.plan_id
    LEFT JOIN orchestration_runs AS runs ON runs.run_id = plans.created_by_run
    WHERE intents.symbol = %(symbol)s AND intents.strategy_id = ANY(%(strategy_ids)s)
    UNION ALL
    SELECT moved.at, moved.kind, moved.account, moved.strategy_id, moved.mode, NULL, NULL, moved.quantity,
           CASE moved.kind WHEN 'fill' THEN intents.filled_avg_price END, moved.position, NULL, NULL, NULL,
           corrections.kind, corrections.actor || ': ' || corrections.reason, intents.client_order_id, NULL, NULL
    FROM (
        SELECT *, sum(quantity) OVER (PARTITION BY account, strategy_id, mode ORDER BY id) AS position
        FROM movements WHERE symbol = %(symbol)s AND strategy_id = ANY(%(strategy_ids)s)
    ) AS moved
    LEFT JOIN order_intents AS intents ON intents.id = moved.intent_id
    LEFT JOIN corrections ON corrections.id = moved.correction_id
    UNION ALL
    SELECT adopted_at, 'adopted', account, NULL, NULL, NULL, NULL, quantity, NULL, NULL, NULL, NULL, NULL,
           'not ours', adopted_by || ': ' || reason, NULL, NULL, NULL
    FROM baselines WHERE symbol = %(symbol)s AND account = ANY(%(accounts)s)
    UNION ALL
    SELECT found_at, 'break', account, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
           kind, message, NULL, NULL, NULL
    FROM breaks WHERE symbol = %(symbol)s AND account = ANY(%(accounts)s)
"""


class PageHistories:
    """Queries over the ledger's connection, one statement a method."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection

    def of_account(self, account: str, *, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Return what was done to the account, newest first, and how many entries there are in all."""
        return self._page(_ACCOUNT_HISTORY, {"account": account}, limit, offset)

    def of_symbol(
        self, symbol: str, *, strategy_ids: Sequence[str], accounts: Sequence[str], limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Return what happened to the symbol, newest first, and how many entries there are in all."""
        parameters = {"symbol": symbol, "strategy_ids": list(strategy_ids), "accounts": list(accounts)}
        return self._page(_SYMBOL_HISTORY, parameters, limit, offset)

    def sessions_of(self, symbol: str, *, strategy_ids: Sequence[str], most: int) -> list[dict[str, Any]]:
        """Return price, weight and position of the symbol after each session's newest plan, oldest first."""
        return self._connection.execute(
            """
            SELECT * FROM (
                SELECT DISTINCT ON (runs.strategy_id, runs.account, runs.mode, runs.session_date)
                       runs.strategy_id, runs.account, runs.mode, runs.session_date, mappings.price,
                       mappings.target_weight, mappings.predicted_return,
                       COALESCE(mappings.held_quantity, 0) + COALESCE((
                           SELECT sum(CASE order_side WHEN 'sell' THEN -filled_qty ELSE filled_qty END)
                           FROM signal_order_mappings AS legs
                           WHERE legs.run_id = mappings.run_id AND legs.symbol = mappings.symbol
                       ), 0) AS quantity
                FROM signal_order_mappings AS mappings
                JOIN orchestration_runs AS runs ON runs.run_id = mappings.run_id
                WHERE mappings.symbol = %(symbol)s AND mappings.leg = 1 AND runs.plan_id IS NOT NULL
                  AND runs.strategy_id = ANY(%(strategy_ids)s)
                ORDER BY runs.strategy_id, runs.account, runs.mode, runs.session_date DESC, runs.started_at DESC
                LIMIT %(most)s
            ) AS newest
            ORDER BY session_date, strategy_id, account, mode
            """,
            {"symbol": symbol, "strategy_ids": list(strategy_ids), "most": most},
        ).fetchall()

    def traded_symbols(self, strategy_ids: Sequence[str]) -> list[str]:
        """Return the symbols that the strategies ever held."""
        rows = self._connection.execute(
            # From one symbol to the next by the index: a movement of each is read, not every one there is.
            """
            WITH RECURSIVE held AS (
                SELECT wanted.strategy_id, (
                    SELECT min(symbol) FROM movements WHERE movements.strategy_id = wanted.strategy_id
                ) AS symbol
                FROM unnest(%(strategy_ids)s::TEXT[]) AS wanted (strategy_id)
                UNION ALL
                SELECT held.strategy_id, (
                    SELECT min(symbol) FROM movements
                    WHERE movements.strategy_id = held.strategy_id AND movements.symbol > held.symbol
                )
                FROM held WHERE held.symbol IS NOT NULL
            )
            SELECT DISTINCT symbol FROM held WHERE symbol IS NOT NULL ORDER BY symbol
            """,
            {"strategy_ids": list(strategy_ids)},
        ).fetchall()
        return [row["symbol"] for row in rows]

    def _page(
        self, query: str, parameters: dict[str, Any], limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        rows = self._connection.execute(
            f"""
            SELECT *, count(*) OVER () AS total FROM ({query}) AS found
            ORDER BY at DESC, kind
            LIMIT %(limit)s OFFSET %(offset)s
            """,  # noqa: S608  constants
            {**parameters, "limit": limit, "offset": offset},
        ).fetchall()
        if rows:
            return rows, int(rows[0]["total"])
        row = self._connection.execute(
            f"SELECT count(*) AS total FROM ({query}) AS found",  # noqa: S608  constants
            parameters,
        ).fetchone()
        return [], 0 if row is None else int(row["total"])
