"""The command `watch`: what the DAG `trading_watchdog` does, for when Airflow does not run."""

from __future__ import annotations

import argparse
from functools import partial

from include.adapters.notify.channels import from_environment
from include.adapters.notify.heartbeat import ping
from include.execution.alerts.delivery import send_alerts
from include.execution.assembly import readers
from include.execution.duty.watchdog import Watchdog
from include.ops import printing
from include.ops.command import Command
from include.ops.place import Place
from include.ops.printing import NEEDS_A_PERSON, WELL
from include.trading.errors import TradingError


def run(place: Place, given: argparse.Namespace) -> int:
    try:
        file_problem = None
        _ = place.strategies
    except TradingError as error:
        file_problem = str(error)
    with place.ledger() as ledger:
        found = Watchdog(
            ledger=ledger,
            assembly=place.assembly,
            gateways=readers(place.venues(ledger).usable, "watchdog"),
            # Whether a session is missed only Airflow can tell: it knows which strategies are paused.
            strategies=(),
            file_problem=file_problem,
        ).look()
        base_url = place.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080")
        sent = send_alerts(ledger, place.settings, partial(from_environment, place.environ), base_url=base_url)
        open_alerts = ledger.alerts.open()
    if place.settings.heartbeat_url and (problem := ping(place.settings.heartbeat_url)) is not None:
        found.problems.append(f"heartbeat: {problem}")
    if given.json:
        print(printing.as_json({"found": found, "messages_sent": sent, "open_alerts": open_alerts}))
    else:
        for line in found.closed:
            print(f"closed: {line}")
        for line in found.recounted:
            print(f"recounted: {line}")
        for line in found.problems:
            print(f"problem: {line}")
        rows = [(alert.severity, alert.kind, alert.count, alert.first_at, alert.message) for alert in open_alerts]
        print(printing.table(("severity", "alert", "times", "since", "what"), rows) if rows else "no alert is open")
        print(f"{sent} messages sent")
    return NEEDS_A_PERSON if open_alerts or found.problems else WELL


COMMAND = Command("watch", "recover runs and orders as the watchdog does, without Airflow", run=run)
