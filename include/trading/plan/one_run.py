"""Limit a run that flattens to the tasks that Airflow can map: the largest holdings are closed first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from include.trading.plan.judge import Key, Verdict
from include.trading.plan.plan import PlanInputs, PlannedOrder
from include.trading.plan.reasons import LEFT, LEFT_FOR_ANOTHER_RUN


def left_out(
    orders: Sequence[PlannedOrder], verdicts: Mapping[Key, Verdict], inputs: PlanInputs
) -> tuple[dict[Key, Verdict], str | None]:
    """Return the verdicts with the surplus orders denied, and a note that says how many holdings are left.

    Only for a run that flattens, in which each symbol has one order.
    """
    most, decided = inputs.most_symbols, dict(verdicts)
    sent = [order for order in orders if verdicts[order.key].reason is None]
    if most is None or len(sent) <= most:
        return decided, None
    by_size = sorted(sent, key=lambda order: (-order.notional, order.symbol))
    for order in by_size[most:]:
        decided[order.key] = Verdict(verdicts[order.key].rules, LEFT_FOR_ANOTHER_RUN, LEFT[LEFT_FOR_ANOTHER_RUN])
    return decided, (
        f"the {most} largest of {len(sent)} holdings are closed, {len(sent) - most} are left, because Airflow maps at "
        f"most {most} tasks ([core] max_map_length): flatten again with the next revision to close them"
    )
