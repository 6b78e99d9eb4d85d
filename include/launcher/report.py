"""One run, read from the ledger and laid out for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]

SANDBOX_NOTE = (
    "Sandbox prices are real historical closes laid on other dates: the shares are real names, the trades are not."
)


def read_run(ledger_url: str, dag_id: str, airflow_run_id: str) -> tuple[Row, list[Row]] | None:
    """Return the run's row and its signals with their orders, None when the run never reached the ledger."""
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(ledger_url, row_factory=dict_row) as connection:
        run = connection.execute(
            "SELECT * FROM orchestration_runs WHERE dag_id = %s AND airflow_run_id = %s", [dag_id, airflow_run_id]
        ).fetchone()
        if not run:
            return None
        mappings = connection.execute(
            "SELECT * FROM signal_order_mappings WHERE run_id = %s ORDER BY rank NULLS LAST, symbol, leg",
            [run["run_id"]],
        ).fetchall()
    return run, list(mappings)


def render(run: Row, mappings: Sequence[Row]) -> str:
    """Return the text that shows a run: signals, orders, totals, how it ended."""
    orders = [row for row in mappings if row["order_qty"]]
    filled = [row for row in orders if row["filled_qty"]]
    bought = sum((_notional(row) for row in filled if row["order_side"] == "buy"), Decimal(0))
    sold = sum((_notional(row) for row in filled if row["order_side"] == "sell"), Decimal(0))
    counts = ", ".join(
        f"{run[column] or 0} {word}"
        for word, column in (
            ("signals", "num_signals"),
            ("orders sent", "num_orders_submitted"),
            ("accepted", "num_orders_accepted"),
            ("rejected", "num_orders_rejected"),
            ("filled", "num_orders_filled"),
        )
    )
    lines = [
        f"Run {run['run_id']}: {run['strategy_id']}, {run['mode']}, session {run['session_date']}, "
        f"signals as of {run['as_of_date']} by model {run['model_version'] or 'unknown'}",
        "",
        "Signals",
        *_table(
            ("symbol", "rank", "weight", "target", "price"),
            (
                (
                    row["symbol"],
                    _text(row["rank"]),
                    _number(row["target_weight"], 4),
                    _target(run["capital"], row["target_weight"]),
                    _number(row["price"], 2),
                )
                for row in mappings
                if row["leg"] == 1
            ),
        ),
        "",
        "Orders",
        *_table(
            ("symbol", "side", "quantity", "status", "filled", "at average", "client order id"),
            (
                (
                    row["symbol"],
                    _text(row["order_side"]) if row["order_qty"] else "-",
                    _text(row["order_qty"] or None),
                    row["order_status"] or row["skip_reason"] or row["outcome"],
                    _number(row["filled_qty"], 0),
                    _number(row["filled_avg_price"], 2),
                    _text(row["client_order_id"]),
                )
                for row in mappings
            ),
        ),
        "",
        f"Totals: {counts}; bought {_usd(bought)}, sold {_usd(sold)} of {_target(run['capital'], Decimal(1))} capital.",
        f"Status: {run['status']}" + (f" in {run['duration_seconds']:.1f} s" if run["duration_seconds"] else ""),
    ]
    if run["error_message"]:
        lines.append(f"Error: {run['error_message']}")
    return "\n".join(lines)


def _target(capital: Decimal | None, weight: Decimal | None) -> str:
    return "-" if capital is None or weight is None else _usd(capital * weight)


def _notional(row: Row) -> Decimal:
    return Decimal(row["filled_qty"]) * Decimal(row["filled_avg_price"] or 0)


def _text(value: object) -> str:
    return "-" if value is None else str(value)


def _number(value: Decimal | None, places: int) -> str:
    """Show quantities as whole shares unless they are not."""
    if value is None:
        return "-"
    if places == 0 and value != value.to_integral_value():
        places = 4
    return f"{value:,.{places}f}"


def _usd(value: Decimal) -> str:
    return f"{value:,.2f} USD"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lay out columns: names to the left, the first column too; everything with a digit first to the right."""
    cells = [list(head), *(list(row) for row in rows)]
    if len(cells) == 1:
        return ["  none"]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    numeric = [
        any(row[column][:1].isdigit() or row[column][1:2].isdigit() for row in cells[1:]) for column in range(len(head))
    ]
    numeric[-1] = numeric[-1] and not head[-1].endswith("id")
    return [
        "  "
        + "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in cells
    ]
