"""A plan made again from what was kept of it, and how it differs from the one that was decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from include.execution.own_parts import own_parts
from include.ledger.ledger import Ledger
from include.trading.errors import InvalidData
from include.trading.models import Value
from include.trading.plan.packed import Packed, unpacked
from include.trading.plan.plan import MappingRow, Plan
from include.trading.plan.planning import make_plan

# What was decided, and not how it was told.
_DECIDED = ("target_weight", "target_quantity", "delta_quantity", "price", "order_side", "order_qty", "outcome")


class Difference(Value):
    """One value of a row that the plan made again has otherwise."""

    symbol: str
    leg: int
    what: str
    decided: str
    again: str


class Replanned(Value):
    """differences: empty where the plan is the same to the share. sha256: of what it was made from."""

    run_id: UUID
    sha256: str
    rows: int
    differences: tuple[Difference, ...]


def replan(ledger: Ledger, run_id: UUID) -> Replanned:
    """Make a run's plan again. Raises InvalidData where nothing was kept of it, or that was changed since."""
    run = ledger.runs.get(run_id)
    if run is None:
        raise InvalidData(f"--run: expected a run of the ledger, found none with the id {run_id}")
    plan = None if run.plan_id is None else ledger.plans.get(run.plan_id)
    made_by = run_id if plan is None else plan.created_by_run
    kept = ledger.plan_inputs.of(made_by)
    if kept is None:
        raise InvalidData(f"run {run_id}: what its plan was made from is not kept: it was pruned, or never planned")
    if plan is not None and plan.parameters.get("inputs") != kept.sha256:
        raise InvalidData(
            f"run {run_id}: its plan was made from {plan.parameters.get('inputs')}, and {kept.sha256} is kept: it was "
            "changed"
        )
    decided: dict[tuple[str, int], dict[str, Any]] = {
        (row["symbol"], row["leg"]): row for row in ledger.runs.mappings(made_by)
    }
    again: dict[tuple[str, int], dict[str, Any]] = {
        (row.symbol, row.leg): _columns(row) for row in _plan_again(kept).rows
    }
    return Replanned(
        run_id=run_id,
        sha256=kept.sha256,
        rows=len(decided),
        differences=tuple(
            Difference(symbol=symbol, leg=leg, what=what, decided=_text(before), again=_text(after))
            for symbol, leg in sorted(decided.keys() | again.keys())
            for what in _DECIDED
            if (before := decided.get((symbol, leg), {}).get(what)) != (after := again.get((symbol, leg), {}).get(what))
        ),
    )


def _plan_again(kept: Packed) -> Plan:
    inputs = unpacked(kept)
    own = own_parts(inputs.strategy, flatten=inputs.flatten)
    return make_plan(inputs.model_copy(update={"own": own}))


def _columns(row: MappingRow) -> dict[str, Any]:
    return {what: getattr(row, "order_quantity" if what == "order_qty" else what) for what in _DECIDED}


def _text(value: Any) -> str:
    return "nothing" if value is None else str(value)
