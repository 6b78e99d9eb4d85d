"""`make backfill-proof`: backfill a year of sessions on a real Airflow, count what was sent, write it into the docs."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from include import __version__
from include.launcher.paths import ROOT
from include.trading.calendar.sessions import trading_calendar
from tests.e2e.backfilling import Backfills
from tests.e2e.live import live_airflow

PAGE = ROOT / "docs" / "backfills.md"
BEGIN, END = "<!-- backfill-proof: begin -->", "<!-- backfill-proof: end -->"
PATIENCE_SECONDS = 2 * 3600


def main() -> int:
    """Return 0 when every session was replayed and nothing was sent."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.backfill_proof", description=__doc__)
    parser.add_argument("--sessions", type=int, default=250, help="default 250")
    parser.add_argument("--no-docs", action="store_true", help="print the result only")
    arguments = parser.parse_args()
    calendar = trading_calendar("XNYS", today=datetime.now(UTC).date())
    newest = calendar.previous(calendar.current(datetime.now(UTC)).day).day
    days = calendar.between(newest - timedelta(days=2 * arguments.sessions + 10), newest)[-arguments.sessions - 1 : -1]
    with live_airflow() as live:
        airflow = Backfills(live)
        airflow.switch_on()
        began = datetime.now(UTC)
        airflow.by_rest(days[0], days[-1])
        runs = airflow.wait(len(days), PATIENCE_SECONDS)
        states = Counter(run["state"] for run in runs)
        seconds = (max(datetime.fromisoformat(run["end_date"]) for run in runs) - began).total_seconds()
        proven = states == {"success": len(days)} and _all_planned(airflow, days) and airflow.posts() == 0
        text = _told(airflow, days, states, seconds)
    print(text)
    if not arguments.no_docs:
        page = PAGE.read_text()
        head, _, rest = page.partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")
    return 0 if proven else 1


def _all_planned(airflow: Backfills, days: tuple[date, ...]) -> bool:
    replays = airflow.replays(days[0], days[-1])
    return [(run.session_date, run.mode, run.status) for run in replays] == [
        (day, "replay", "completed") for day in days
    ]


def _told(airflow: Backfills, days: tuple[date, ...], states: Counter[str], seconds: float) -> str:
    replays = airflow.replays(days[0], days[-1])
    facts = {
        "version": f"{__version__}, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
        f"{os.cpu_count()} cores, LocalExecutor with 4 tasks at once",
        "sessions": f"{len(days)}, {days[0]} to {days[-1]}",
        "DAG runs": ", ".join(f"{count} {state}" for state, count in states.items()),
        "runs in the ledger": ", ".join(
            f"{count} {mode} {status}"
            for (mode, status), count in Counter((run.mode, run.status) for run in replays).items()
        ),
        "orders planned": str(sum(run.num_orders_planned for run in replays)),
        "time": f"{seconds:.0f} s, {seconds / len(days):.1f} s a session",
        "POSTs of orders that reached the gateway": str(airflow.posts()),
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {fact} |" for name, fact in facts.items())])


if __name__ == "__main__":
    sys.exit(main())
