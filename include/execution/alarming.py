"""Raise and end alerts from what the ledger says; telling people is sending.py's."""

from __future__ import annotations

from collections.abc import Sequence

from include.execution.runs import sends
from include.execution.settings import Settings
from include.ledger.ledger import Ledger
from include.ledger.records import Intent, Run
from include.trading.alarms import NEXT_STEPS, RUN_KINDS, RunFacts, run_alarms, run_key
from include.trading.outcome import RunStatus
from include.trading.pace import sending_time
from include.trading.reasons import NO_CHANGE_WANTED, PRICE_PROBLEMS, UNDECIDED
from include.trading.states import NEVER_SENT, REFUSED

NOT_WANTED = NO_CHANGE_WANTED | UNDECIDED


def raise_for_run(ledger: Ledger, run: Run, settings: Settings) -> None:
    """Raise what a closed run must alert about, end what it no longer has, and tell its summary once a session."""
    facts = run_facts(ledger, run)
    replay = run.mode == "replay"
    session = None if replay else run.session_date
    alarms = run_alarms(facts, settings)
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
    over = [run_key(kind, run.strategy_id, run.mode, None) for kind in RUN_KINDS if kind not in raised]
    if not replay:
        over.append(session_key("session_missed", run.strategy_id, run.session_date.isoformat()))
        over.append(run_key("stuck_run", run.strategy_id, run.mode, None))
    if run.status != "failed":
        over += [task_key(run.dag_id, run.airflow_run_id), f"dag_failed:{run.dag_id}:"]
    ledger.alerts.end_starting(over)
    raise_unknown_orders(ledger, run.account)
    if session is not None:
        ledger.alerts.tell(
            "summary",
            f"{run_key('summary', run.strategy_id, run.mode, session)}:{run.revision}",
            run.summary or f"{run.strategy_id} {run.session_date} {run.status}",
            "nothing to do" if run.status == "completed" else "the reasons are on the run's page",
            strategy_id=run.strategy_id,
            account=run.account,
            session=run.session_date,
            run_id=run.run_id,
        )


def session_key(kind: str, strategy_id: str, session: str) -> str:
    return f"{kind}:{strategy_id}:{session}"


def task_key(dag_id: str, airflow_run_id: str, task_id: str = "") -> str:
    """Return the name of a task's error; without a task, how all of the run's begin."""
    return f"error:{dag_id}:{airflow_run_id}:{task_id}"


def run_facts(ledger: Ledger, run: Run) -> RunFacts:
    """Return what of a closed run its alarms are judged by."""
    rows = ledger.runs.mappings(run.run_id)
    intents = [] if run.plan_id is None else ledger.orders.of_plan(run.plan_id)
    wanted = {row["symbol"] for row in rows if row["outcome"] != "unchanged" and row["skip_reason"] not in NOT_WANTED}
    no_signal = run.num_signals == 0 or any(row["skip_reason"] == "no_tradable_signal" for row in rows)
    status: RunStatus = "failed" if run.status == "running" else run.status
    return RunFacts(
        run_id=run.run_id,
        strategy_id=run.strategy_id,
        session=run.session_date,
        mode=run.mode,
        status=status,
        error_message=run.error_message,
        adopted=run.adopted,
        mapped=run.mapped_at is not None,
        # A run that adopted its plan, or that flattens, asked for no signals.
        no_tradable_signal=no_signal and not run.parameters["flatten"] and not run.adopted,
        symbols=len({row["symbol"] for row in rows}),
        price_problems=len({row["symbol"] for row in rows if row["skip_reason"] in PRICE_PROBLEMS}),
        wanted=len(wanted),
        submitted=len({intent.symbol for intent in intents if intent.state not in NEVER_SENT}),
        orders=len(intents),
        rejected=sum(intent.state in REFUSED for intent in intents),
        sending_seconds=sending_seconds(ledger, run, intents),
    )


def sending_seconds(ledger: Ledger, run: Run, intents: Sequence[Intent]) -> float | None:
    """Return the seconds from the run's start to its last acknowledgement without ordered waits, None without any."""
    plan = None if run.plan_id is None else ledger.plans.get(run.plan_id)
    if plan is None or not sends(run):
        return None
    took = sending_time(
        run.started_at,
        [intent.acknowledged_at for intent in intents if intent.acknowledged_at is not None and intent.leg == 1],
        ledger.orders.sent_at(plan.account, since=run.started_at),
        plan.orders_per_minute,
    )
    return None if took is None else took.total_seconds()


def raise_unknown_orders(ledger: Ledger, account: str) -> None:
    """Alert about each order of the account whose outcome is not known; end those that are known again."""
    now = ledger.now()
    keys = []
    for intent in ledger.orders.live(account):
        expired = intent.lease_until is not None and now >= intent.lease_until
        if intent.state != "unknown" and not (intent.state == "sending" and expired):
            continue
        keys.append(f"unknown_order:{account}:{intent.client_order_id}")
        ledger.alerts.raise_alert(
            "unknown_order",
            "critical",
            keys[-1],
            f"nobody knows what became of order {intent.client_order_id} ({intent.side} {intent.quantity} "
            f"{intent.symbol}): {intent.message or 'its worker did not report'}",
            NEXT_STEPS["unknown_order"],
            strategy_id=intent.strategy_id,
            account=account,
        )
    ledger.alerts.end_starting([f"unknown_order:{account}:"], but=keys)
