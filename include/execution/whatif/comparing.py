"""Reads what the shadows of replays would have held, for the comparison in the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from include.ledger.ledger import Ledger
from include.trading.plan.comparison import PlannedSession, ShadowSession
from include.trading.plan.whatif import SessionPlan
from include.trading.run.row import Run

Rows = Mapping[UUID, Sequence[Mapping[str, Any]]]


def planned_sessions(
    ledger: Ledger, runs: Sequence[Run], plans: Sequence[SessionPlan], rows: Rows
) -> list[PlannedSession]:
    """Return the plans of these runs, in their order, each with its shadows. rows: of the plans, by run."""
    shadows: dict[UUID, list[ShadowSession]] = defaultdict(list)
    for row in ledger.plan_inputs.shadows([run.run_id for run in runs]):
        shadows[row["run_id"]].append(_shadow(row))
    return [
        PlannedSession(
            plan=plan,
            # Where all is closed, a shadow closes all as well.
            signalled=frozenset() if run.parameters["flatten"] else _signalled(rows.get(run.run_id, ())),
            shadows=tuple(shadows[run.run_id]),
        )
        for run, plan in zip(runs, plans, strict=True)
    ]


def _signalled(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(row["symbol"] for row in rows if row["rank"] is not None)


def _shadow(row: Mapping[str, Any]) -> ShadowSession:
    if row["refused"] is not None:
        return ShadowSession(model=row["model"], targets=None)
    targets = row["targets"]
    # As of a plan: a day without any weight leaves the book.
    weighted = any(Decimal(target["weight"]) for target in targets)
    return ShadowSession(
        model=row["model"],
        targets={target["symbol"]: Decimal(target["quantity"]) for target in targets} if weighted else {},
    )
