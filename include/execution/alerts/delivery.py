"""Send alerts to people: each once on each channel, and once that it is over, however many senders there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote
from uuid import uuid4

import structlog

from include.adapters.notify.channels import Channel
from include.adapters.notify.curve import Curve
from include.execution.settings import Settings
from include.ledger.alerts import Alert
from include.ledger.deliveries import CLAIM_SECONDS, Due
from include.ledger.ledger import Ledger
from include.trading.alerts.catalogue import DAY_RESULT, Severity, runbook_entry
from include.trading.errors import TradingError

log = structlog.get_logger(__name__)

# A callback must end soon; what is left of a channel's messages is the next sender's.
MOST_AT_ONCE = 50
# A channel that has not answered by then is left alone, and its thread to itself.
_LONGEST_SECONDS = CLAIM_SECONDS / 2
# A message that failed so often may be what the channel does not take: the next one is tried too.
_TRIES_ALONE = 3
# About sixty sessions.
CURVE_OF: Final = timedelta(days=90)
# The one channel where the connection names none: the log line that every alert has.
LOG: Final = "log"


@dataclass(frozen=True)
class Message:
    """What a person reads. severity: `info` also for an end. curve: shown where the channel is a mail."""

    severity: Severity
    title: str
    body: str
    curve: Curve | None = None


def send_alerts(ledger: Ledger, settings: Settings, channels: Callable[[], Sequence[Channel]], *, base_url: str) -> int:
    """Send every channel what it has not had, oldest alert first, and return how many messages arrived.

    A channel that fails keeps no other from its messages: those that worked last time come first, and what it missed
    it gets from a later sender. A message whose sender died before noting it is sent again: twice is better than never.
    channels: asked for when there is something to send. base_url: Airflow's address, for links.
    """
    if not ledger.deliveries.is_anything_due(quiet_seconds=settings.alert_quiet_seconds):
        return 0
    try:
        by_name: dict[str, Channel | None] = {channel.name: channel for channel in channels()}
    except TradingError as error:
        log.error("alerts not sent, they are kept for the next try", reason=str(error))
        return 0
    by_name = by_name or {LOG: None}
    sender = str(uuid4())
    return sum(
        _Courier(ledger, settings, name, by_name[name], sender, base_url).deliver()
        for name in ledger.deliveries.add(list(by_name))
    )


@dataclass
class _Courier:
    """Brings one channel its messages, in order and alone."""

    ledger: Ledger
    settings: Settings
    name: str
    channel: Channel | None
    sender: str
    base_url: str

    def deliver(self) -> int:
        """Send what is due, as long as the channel takes it, and return how many messages that were."""
        sent = 0
        failed: list[int] = []
        while sent + len(failed) < MOST_AT_ONCE and self.ledger.deliveries.claim(self.name, self.sender):
            due = self._due(failed)
            if due is None:
                self.ledger.deliveries.release(self.name, self.sender)
                # Stored after the look, by a sender who found the channel taken.
                if self._due(failed) is None:
                    return sent
                continue
            if self._told(due):
                sent += 1
            elif failed or due.tries + 1 < _TRIES_ALONE:
                break
            else:
                failed.append(due.alert.id)
        self.ledger.deliveries.release(self.name, self.sender)
        return sent

    def _due(self, failed: Sequence[int]) -> Due | None:
        return self.ledger.deliveries.due(self.name, quiet_seconds=self.settings.alert_quiet_seconds, but=failed)

    def _told(self, due: Due) -> bool:
        message = message_of(self.ledger, due, self.base_url)
        log.info("alert", severity=message.severity, title=message.title, body=message.body, channel=self.name)
        self.ledger.deliveries.record_try(due.alert, self.name)
        if self.channel is not None and (problem := arrives(self.channel, message)) is not None:
            log.error("alert not sent, the channel gets it later", title=message.title, reason=problem)
            return False
        self.ledger.deliveries.record_sent(due.alert, self.name)
        return True


def arrives(channel: Channel, message: Message) -> str | None:
    """Send one message in bounded time; return why it did not arrive, None when it did."""
    problems: list[str] = [f"channel {channel.name} did not answer within {_LONGEST_SECONDS:g} s"]

    def send() -> None:
        try:
            channel.send(message.severity, message.title, message.body, message.curve)
        except TradingError as error:
            problems.append(str(error))
        except Exception as error:
            log.exception("alert not sent", channel=channel.name)
            problems.append(f"channel {channel.name}: {type(error).__name__}")
        else:
            problems.clear()

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    thread.join(_LONGEST_SECONDS)
    return problems[-1] if problems else None


def message_of(ledger: Ledger, due: Due, base_url: str) -> Message:
    """Return what is said of an alert now: that it is, or that it is over."""
    alert = due.alert
    times = f" ({alert.count} times since {alert.first_at:%Y-%m-%d %H:%M} UTC)" if alert.count > 1 else ""
    if alert.over_at is not None and alert.severity != "info":
        head, severity = "OVER", "info" if due.told else alert.severity
        times += f"\nOver since {alert.over_at:%Y-%m-%d %H:%M} UTC"
        if alert.closed_by is not None:
            times += f", closed by {alert.closed_by}: {alert.closed_reason}"
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
    lines += [f"Link: {link}", f"Runbook: {runbook_entry(alert.kind)}"]
    subject = alert.kind.replace("_", " ")
    where = alert.strategy_id or alert.account
    title = f"[{head}] {subject}{f': {where}' if where else ''}"
    return Message(severity, title, "\n".join(lines), _curve_of(ledger, alert))


def _curve_of(ledger: Ledger, alert: Alert) -> Curve | None:
    """Return the equity that leads to a day's result, which is none before there are two days."""
    is_result = alert.dedupe_key.startswith(DAY_RESULT.prefix())
    if not is_result or alert.strategy_id is None or alert.session_date is None:
        return None
    points = ledger.results.points(
        strategy_ids=[alert.strategy_id],
        account=alert.account,
        first=alert.session_date - CURVE_OF,
        last=alert.session_date,
    )
    found = tuple(
        (point.session_date, point.equity)
        for point in points
        if DAY_RESULT.key(point.strategy_id, point.mode, alert.session_date) == alert.dedupe_key
    )
    return Curve(found) if len(found) > 1 else None


def run_link(base_url: str, dag_id: str, airflow_run_id: str) -> str:
    return f"{base_url.rstrip('/')}/dags/{quote(dag_id)}/runs/{quote(airflow_run_id, safe='')}"
