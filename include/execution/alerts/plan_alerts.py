"""Raise what a plan must alert about as soon as it is made, and end what only an earlier plan had."""

from __future__ import annotations

from include.execution.alerts.raising import raise_of_run
from include.execution.steps.open_run import strategy_of
from include.ledger.ledger import Ledger
from include.trading.alerts.catalogue import OF_PLANS
from include.trading.alerts.plan_alarms import plan_alarms
from include.trading.plan.plan import Plan
from include.trading.run.row import Run


def raise_for_plan(ledger: Ledger, run: Run, plan: Plan) -> None:
    """Raise and end the alerts of a run's plan."""
    alarms = plan_alarms(
        plan,
        strategy_id=run.strategy_id,
        source=strategy_of(run).signals.called,
        session=run.session_date,
        mode=run.mode,
    )
    for alarm in alarms:
        raise_of_run(ledger, run, alarm)
    raised = {alarm.kind for alarm in alarms}
    ledger.alerts.end_starting(
        [cause.prefix(run.strategy_id, run.mode) for cause in OF_PLANS if cause.kind not in raised]
    )
