"""What `paper` says while it stays up: runs that ended, alerts, and sessions that the machine slept through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from include.launcher import processes
from include.ledger.alerts import Alert
from include.ledger.ledger import open_ledger
from include.trading.calendar.next_run import next_run
from include.trading.calendar.sessions import TradingCalendar, calendar_of
from include.trading.run.row import Run
from include.trading.strategy.schedule_spec import clock_of
from include.trading.strategy.spec import Strategy

LOOK_SECONDS = 5
# Between two looks; a machine that is only busy is not that slow.
ASLEEP = timedelta(minutes=2)
MOST_MISSED = 10


def watch(
    strategy: Strategy,
    ledger_url: str,
    children: list[processes.Child],
    refuse: Callable[[list[processes.Child]], None],
) -> None:
    """Print what happens, until Ctrl-C or until a process of ours ended."""
    seen = datetime.now(UTC)
    told = _newest(ledger_url)
    while True:
        refuse(children)
        time.sleep(LOOK_SECONDS)
        now = datetime.now(UTC)
        for line in slept(strategy, calendar_of(strategy, now), seen, now):
            print(line, flush=True)
        seen = now
        told, lines = _news(ledger_url, strategy, told)
        for line in lines:
            print(line, flush=True)


def slept(strategy: Strategy, calendar: TradingCalendar, since: datetime, now: datetime) -> Iterator[str]:
    """Yield a sentence for each run that was due while this machine slept."""
    if now - since < ASLEEP:
        return
    moment = since
    for _ in range(MOST_MISSED):
        due = next_run(clock_of(strategy.schedule), calendar, moment)
        if due is None or due > now:
            return
        session = calendar.current(due)
        late = "it has ended, and nothing was traded" if session.close <= now else "Airflow makes up for its run now"
        yield (
            f"{now:%Y-%m-%d %H:%M} UTC  MISSED: this machine slept when the run of session {session.day} was due at "
            f"{due:%H:%M} UTC; {late}"
        )
        moment = due


def when(strategy: Strategy, now: datetime) -> str:
    """Say when the strategy trades next."""
    due = next_run(clock_of(strategy.schedule), calendar_of(strategy, now), now)
    if due is None:
        return f"{strategy.id} runs by hand or when its signals arrive."
    return f"{strategy.id} trades next at {due:%A %Y-%m-%d %H:%M} UTC ({due.astimezone():%H:%M} here)."


def may_send(strategy: Strategy, now: datetime) -> bool:
    """Say whether a run that starts now may send its orders."""
    session = calendar_of(strategy, now).current(now)
    return not strategy.market_hours or session.open <= now < session.close - timedelta(minutes=15)


def run_line(run: Run) -> str:
    why = f" ({run.mode}, because {run.mode_reason})" if run.mode_reason else ""
    return f"{run.summary or run.status}{why}"


def alert_line(alert: Alert) -> str:
    return f"{alert.severity.upper()}: {alert.message}\n    → {alert.next_step}"


def _newest(ledger_url: str) -> tuple[int, int]:
    with open_ledger(ledger_url) as ledger:
        runs, alerts = ledger.runs.latest(1), ledger.alerts.newest(1)
    return max((run.id for run in runs), default=0), max((alert.id for alert in alerts), default=0)


def _news(ledger_url: str, strategy: Strategy, told: tuple[int, int]) -> tuple[tuple[int, int], list[str]]:
    """Return what is new since the ids of run and alert that were told last."""
    with open_ledger(ledger_url) as ledger:
        runs = [run for run in ledger.runs.latest(20) if run.id > told[0] and run.strategy_id == strategy.id]
        alerts = [alert for alert in ledger.alerts.newest(20) if alert.id > told[1]]
        now = ledger.now()
    # A run that is under way is reported once it has ended; the newer ones wait for it.
    ended: list[Run] = []
    for run in sorted(runs, key=lambda run: run.id):
        if run.status == "running":
            break
        ended.append(run)
    lines = [run_line(run) for run in ended]
    lines += [alert_line(alert) for alert in reversed(alerts) if alert.severity != "info"]
    newest = (max((run.id for run in ended), default=told[0]), max((alert.id for alert in alerts), default=told[1]))
    return newest, [f"{now:%Y-%m-%d %H:%M} UTC  {line}" for line in lines]
