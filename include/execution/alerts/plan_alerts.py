"""Raise what a plan must alert about as soon as it is made, and end what only an earlier plan had."""

from __future__ import annotations

from include.ledger.ledger import Ledger
from include.trading.alerts.alarms import run_key
from include.trading.alerts.plan_alarms import PLAN_KINDS, plan_alarms
from include.trading.plan.plan import Plan
from include.trading.run.row import Run


def raise_for_plan(ledger: Ledger, run: Run, plan: Plan) -> None:
    """Raise and end the alerts of a run's plan."""
    alarms = plan_alarms(plan, strategy_id=run.strategy_id, session=run.session_date, mode=run.mode)
    for alarm in alarms:
        ledger.alerts.raise_alert(
            alarm.kind,
            alarm.severity,
            alarm.key,
            alarm.message,
            alarm.next_step,
            strategy_id=run.strategy_id,
            account=run.account,
            session=run.session_date,
            run_id=run.run_id,
        )
    raised = {alarm.kind for alarm in alarms}
    ledger.alerts.end_starting(
        [run_key(kind, run.strategy_id, run.mode, None) for kind in PLAN_KINDS if kind not in raised]
    )
