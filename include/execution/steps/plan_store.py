"""A plan in the ledger: its mapping rows, what they were made from, and its orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

from include.execution.alerts.plan_alerts import raise_for_plan
from include.execution.desk import Desk
from include.trading.order.identity import PlanKey, client_order_id, slot
from include.trading.plan.packed import Packed
from include.trading.plan.plan import Leg, MappingRow, Plan, RuleCheck
from include.trading.run.row import Run

# Of a row's fields those that are columns of the same name.
_COLUMNS: Final = [f.name for f in fields(MappingRow) if f.name not in ("order_quantity", "reason", "rules")]


def store_plan(desk: Desk, run: Run, plan: Plan, kept: Packed, *, key: PlanKey | None, capital: Decimal | None) -> None:
    """Store the mapping rows, what they were made from and, for a run that sends, its intents; all or nothing."""
    ledger = desk.ledger
    with ledger.transaction():
        if key is not None:
            ledger.orders.insert(
                [
                    {
                        "plan_id": key.plan_id,
                        "account": key.account,
                        "strategy_id": key.strategy_id,
                        "mode": key.mode,
                        "slot": slot(key, order.symbol, order.leg),
                        "client_order_id": client_order_id(key, order.symbol, order.leg),
                        "symbol": order.symbol,
                        "leg": order.leg,
                        "position": position,
                        "side": order.side,
                        "quantity": order.quantity,
                        "price": order.price,
                        "reduces": order.reduces,
                    }
                    for position, order in enumerate(plan.orders)
                ]
            )
        reduces = {(order.symbol, order.leg): order.reduces for order in plan.orders}
        ledger.runs.replace_mappings(run.run_id, [_row(row, reduces, key) for row in plan.rows])
        ledger.plan_inputs.keep(run.run_id, kept)
        plan_id = None if key is None else key.plan_id
        ledger.runs.record_mapped(run.run_id, plan_id=plan_id, capital=capital, adopted=False)
        raise_for_plan(ledger, run, plan)


def _row(row: MappingRow, reduces: Mapping[tuple[str, Leg], bool], key: PlanKey | None) -> dict[str, Any]:
    ordered = row.outcome == "order"
    return {
        **{name: getattr(row, name) for name in _COLUMNS},
        "order_qty": row.order_quantity,
        "skip_reason": row.reason,
        "rules": [_check(check) for check in row.rules],
        "reduces": reduces.get((row.symbol, row.leg)),
        "client_order_id": client_order_id(key, row.symbol, row.leg) if ordered and key is not None else None,
    }


def _check(check: RuleCheck) -> dict[str, Any]:
    return {
        "code": check.code,
        "outcome": check.outcome,
        "value": None if check.value is None else str(check.value),
        "limit": None if check.limit is None else str(check.limit),
        "detail": check.detail,
    }
