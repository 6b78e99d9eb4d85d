"""Raise and end alerts from what the ledger says; telling people is delivery.py's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from hashlib import sha256

from include.execution.settings import Settings
from include.execution.steps.open_run import sends, strategy_of
from include.ledger.ledger import Ledger
from include.trading.alerts.alarms import RunFacts, listed, run_alarms
from include.trading.alerts.catalogue import (
    BLOCKED_SYMBOL,
    DAG_FAILED,
    ERROR,
    OF_RUNS,
    POSITION_DIFFERENCE,
    REFUSED_REQUEST,
    SESSION_MISSED,
    STUCK_RUN,
    SUMMARY,
    UNKNOWN_ORDER,
    Alarm,
    Cause,
    names_alone,
)
from include.trading.models import Mode
from include.trading.numbers import shares
from include.trading.order.row import Intent
from include.trading.order.states import NEVER_SENT, REFUSED
from include.trading.plan.reasons import NO_CHANGE_WANTED, PRICE_PROBLEMS, UNDECIDED
from include.trading.run.outcome import RunStatus
from include.trading.run.pace import sending_time
from include.trading.run.row import Run
from include.trading.strategy.spec import MODES

NOT_WANTED = NO_CHANGE_WANTED | UNDECIDED


def raise_for_run(ledger: Ledger, run: Run, settings: Settings) -> None:
    """Raise what a closed run must alert about, end what it no longer has, and send its summary once a session."""
    facts = run_facts(ledger, run)
    if facts.error_message is None:
        facts = facts.model_copy(update={"error_message": ledger.steps.last_error(run.run_id)})
    replay = run.mode == "replay"
    alarms = run_alarms(facts, settings)
    for alarm in alarms:
        raise_of_run(ledger, run, alarm)
    raised = {alarm.kind for alarm in alarms}
    over = [cause.prefix(run.strategy_id, run.mode) for cause in OF_RUNS if cause.kind not in raised]
    if run.mode in own_modes(run.parameters.get("book_mode", run.mode)):
        # Also of earlier sessions: what to do about them is over when a session has its run again.
        over.append(SESSION_MISSED.prefix(run.strategy_id))
    if not replay:
        over.append(STUCK_RUN.prefix(run.strategy_id, run.mode))
    if run.status != "failed":
        # A run that is well ends what earlier ones of the strategy left, also what a safer mode or a refusal did.
        over += [cause.prefix(run.dag_id) for cause in (ERROR, DAG_FAILED, REFUSED_REQUEST)]
        safer = () if replay else MODES[1 : MODES.index(run.mode)]
        over += [cause.prefix(run.strategy_id, mode) for cause in OF_RUNS for mode in safer]
    ledger.alerts.end_starting(over)
    raise_unknown_orders(ledger, run.account)
    if not replay:
        ledger.alerts.tell(
            SUMMARY.alarm(
                SUMMARY.key(run.strategy_id, run.mode, run.session_date, run.revision),
                run.summary or f"{run.strategy_id} {run.session_date} {run.status}",
                step="nothing to do" if run.status == "completed" else "the reasons are on the run's page",
            ),
            strategy_id=run.strategy_id,
            account=run.account,
            session=run.session_date,
            run_id=run.run_id,
        )


def raise_of_run(ledger: Ledger, run: Run, alarm: Alarm) -> None:
    """Raise an alert that is about this run."""
    ledger.alerts.raise_alert(
        alarm,
        strategy_id=run.strategy_id,
        account=run.account,
        session=run.session_date,
        run_id=run.run_id,
    )


def own_modes(mode: Mode) -> tuple[Mode, ...]:
    """Return the modes of runs that are a session's own for a strategy of this mode: a safer one is a look ahead."""
    return MODES[MODES.index(mode) :]


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
        source=strategy_of(run).signals.called,
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


# So many orders without a known outcome have an alert each; what comes at once with them shares one.
MOST_ALONE = 3


def raise_unknown_orders(ledger: Ledger, account: str) -> None:
    """Alert about the account's orders whose outcome is not known; end what is known again.

    A gateway that fails under a whole plan is one cause: beyond the first few its orders share an alert.
    """
    now, shared_key = ledger.now(), UNKNOWN_ORDER.key(account, None)
    unknown = [
        intent
        for intent in ledger.orders.live(account)
        if intent.state == "unknown"
        or (intent.state == "sending" and intent.lease_until is not None and now >= intent.lease_until)
    ]

    def key_of(intent: Intent) -> str:
        return UNKNOWN_ORDER.key(account, intent.client_order_id)

    told = {alert.dedupe_key for alert in ledger.alerts.open() if alert.kind == UNKNOWN_ORDER.kind}
    alone = [intent for intent in unknown if key_of(intent) in told]
    shared = [intent for intent in unknown if intent not in alone]
    if shared_key not in told and len(unknown) <= MOST_ALONE:
        alone, shared = unknown, []
    elif shared_key not in told:
        room = max(0, MOST_ALONE - len(alone))
        alone, shared = alone + shared[:room], shared[room:]

    def raise_about(key: str, message: str, strategy_id: str | None) -> None:
        ledger.alerts.raise_alert(UNKNOWN_ORDER.alarm(key, message), strategy_id=strategy_id, account=account)

    for intent in alone:
        words = f"it is not known what became of order {_order_words(intent)}: {intent.message or NO_REPORT}"
        raise_about(key_of(intent), words, intent.strategy_id)
    if shared:
        orders = listed([_order_words(intent) for intent in shared])
        words = f"it is not known what became of {len(shared)} more orders: {orders}; {shared[0].message or NO_REPORT}"
        raise_about(shared_key, words, None)
    kept = [key_of(intent) for intent in alone] + ([shared_key] if shared else [])
    ledger.alerts.end_starting([UNKNOWN_ORDER.prefix(account)], but=kept)


NO_REPORT = "its worker did not report"


def _order_words(intent: Intent) -> str:
    return f"{intent.client_order_id} ({intent.words})"


def position_words(found: Mapping[str, tuple[Decimal, Decimal]]) -> str:
    """Return in words what differs, a symbol after the other: (what the gateway says, what the ledger expects)."""
    symbols = [
        f"{symbol}: the gateway holds {shares(actual)}, our fills and the adopted baseline say {shares(expected)}"
        for symbol, (actual, expected) in sorted(found.items())
    ]
    many = f"{len(found)} symbols differ: " if len(found) > 1 else ""
    return many + listed(symbols, between="; ")


def raise_position_alert(
    ledger: Ledger, cause: Cause, run: Run, found: Mapping[str, tuple[Decimal, Decimal]], note: str = ""
) -> None:
    """Alert once about all symbols that one comparison found to differ; end what an earlier one found of others.

    note: what to add to the words.
    """
    names = ",".join(sorted(found))
    symbols = names if len(found) == 1 else sha256(names.encode()).hexdigest()[:16]
    key = cause.key(run.account, run.strategy_id, symbols)
    if found:
        words = f"{position_words(found)}{note}"
        raise_of_run(ledger, run, cause.alarm(key, words, account=run.account, strategy=run.strategy_id))
    ledger.alerts.end_starting([cause.prefix(run.account, run.strategy_id)], but=[key] if found else [])


def end_position_alerts(ledger: Ledger, account: str, symbol: str) -> None:
    """End the alerts that name this symbol alone: its books agree now. One of several ends at the next comparison."""
    kinds = {BLOCKED_SYMBOL.kind, POSITION_DIFFERENCE.kind}
    ledger.alerts.end(
        *(
            alert.dedupe_key
            for alert in ledger.alerts.open()
            if alert.kind in kinds and alert.account == account and names_alone(alert.dedupe_key, symbol)
        )
    )
