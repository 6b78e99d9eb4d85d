"""Tell people about alerts: each once, and once that it is over, whoever of several senders is first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import structlog

from include.execution.settings import Settings
from include.ledger.alerts import Alert
from include.ledger.ledger import Ledger
from include.trading.alarms import Severity
from include.trading.errors import TradingError

log = structlog.get_logger(__name__)

# A callback must end soon; what is left is the next sender's.
MOST_AT_ONCE = 20


@dataclass(frozen=True)
class Message:
    """What a person reads. severity: `info` also for an end."""

    severity: Severity
    title: str
    body: str


# Sends a message; says whether it arrived everywhere. With nobody to send to it has: every alert is logged too.
Send = Callable[[Message], bool]


def send_alerts(ledger: Ledger, settings: Settings, send: Send, *, base_url: str) -> int:
    """Tell what is to be told, oldest first, and return how many messages that were.

    A message that does not arrive ends it: the alert is left to the next sender. One that arrived and whose sender
    died before noting it is told again: twice is better than never.
    base_url: Airflow's address, for links.
    """
    for sent in range(MOST_AT_ONCE):
        alert = ledger.alerts.claim(quiet_seconds=settings.alert_quiet_seconds)
        if alert is None:
            return sent
        message = message_of(ledger, alert, base_url)
        if not _told(message, send):
            ledger.alerts.release(alert)
            return sent
        ledger.alerts.record_sent(alert)
    return MOST_AT_ONCE


def _told(message: Message, send: Send) -> bool:
    log.info("alert", severity=message.severity, title=message.title, body=message.body)
    try:
        arrived, why = send(message), "the log above has the service's words"
    except TradingError as error:
        arrived, why = False, str(error)
    if not arrived:
        log.error("alert not sent, it is kept for the next try", title=message.title, reason=why)
    return arrived


def message_of(ledger: Ledger, alert: Alert, base_url: str) -> Message:
    """Return what is said of an alert now: that it is, or that it is over."""
    times = f" ({alert.count} times since {alert.first_at:%Y-%m-%d %H:%M} UTC)" if alert.count > 1 else ""
    if alert.over_at is not None and alert.severity != "info":
        head, severity = "OVER", "info" if alert.sent_at is not None else alert.severity
        times += f"\nOver since {alert.over_at:%Y-%m-%d %H:%M} UTC"
    else:
        head, severity = alert.severity.upper(), alert.severity
    lines = [f"{alert.message}{times}"]
    if head != "OVER":
        lines.append(f"Next: {alert.next_step}")
    if alert.session_date is not None:
        lines.append(f"Session: {alert.session_date}")
    link = base_url
    run = None if alert.run_id is None else ledger.runs.get(alert.run_id)
    if run is not None:
        lines.append(f"Run: {run.run_id} ({run.mode})")
        link = run_link(base_url, run.dag_id, run.airflow_run_id)
    lines += [f"Link: {link}", f"Runbook: docs/runbook.md#{alert.kind}"]
    subject = alert.kind.replace("_", " ")
    where = alert.strategy_id or alert.account
    return Message(severity, f"[{head}] {subject}{f': {where}' if where else ''}", "\n".join(lines))


def run_link(base_url: str, dag_id: str, airflow_run_id: str) -> str:
    return f"{base_url.rstrip('/')}/dags/{quote(dag_id)}/runs/{quote(airflow_run_id, safe='')}"
